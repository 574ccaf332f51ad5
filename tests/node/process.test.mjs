// Life in a process: idle clients, signals, exits, other processes, many calls at once.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { SimulatedPortal } from 'addepar-portal/testing';

import { MODES, REQUIRE, SAY, posted, runScript, said, startScript } from './script.mjs';

let portal;
beforeEach(async () => {
  portal = await SimulatedPortal.start();
});
afterEach(() => portal.close());

const run = (script, ...flags) => runScript(portal, script, ...flags);

test('an idle client lets the process end, a pending call does not', async () => {
  portal.control('hold');
  const { child, ended } = startScript(
    portal,
    `${REQUIRE}
    const client = new PortalClient();
    client.publishFiles([37], ${MODES}).then((report) => console.log(report.ok));`,
  );
  await posted(portal, 1);
  await sleep(300);
  assert.equal(child.exitCode, null);
  portal.control('release');
  const { code, output, errors } = await ended;
  assert.deepEqual({ code, output, errors }, { code: 0, output: 'true\n', errors: '' });
});

test(
  'a client that nobody uses holds neither descriptors nor threads',
  { skip: !existsSync('/proc/self/fd') && 'this system does not list descriptors' },
  async () => {
    const { code, output, errors } = await run(`${REQUIRE}
      const { readdirSync } = require('node:fs');
      const { setTimeout: sleep } = require('node:timers/promises');
      const held = () => ['/proc/self/fd', '/proc/self/task'].map((folder) => readdirSync(folder).length);
      async function main() {
        // A name has to be looked up.
        const baseUrl = process.env.ADDEPAR_BASE_URL.replace('127.0.0.1', 'localhost');
        const client = new PortalClient({ baseUrl });
        // What Node itself has for its timers and its output.
        await sleep(1);
        console.log('begins');
        const before = held();
        // Twice: what has ended starts again.
        for (const first of [1, 101]) {
          const files = Array.from({ length: 100 }, (_, index) => first + index);
          await Promise.all(files.map((file) => client.publishFiles([file], ${MODES})));
          // In a second or two.
          for (let wait = 0; wait < 3000 && String(held()) !== String(before); wait += 1) await sleep(10);
          console.log(String(held()) === String(before) || [before, held()]);
        }
      }
      main();`);
    assert.deepEqual({ code, output, errors }, { code: 0, output: 'begins\ntrue\ntrue\n', errors: '' });
  },
);

test('no listener stays behind: a test runner loads the package anew for each file', async () => {
  const { code, output } = await run(`${REQUIRE}
    const before = process.listenerCount('exit');
    publishFiles([37], ${MODES}).then(() => console.log(process.listenerCount('exit') - before));`);
  assert.deepEqual([code, output], [0, '0\n']);
});

test('ESM', async () => {
  const { code, output } = await run(
    `import { publishFiles } from 'addepar-portal'; console.log((await publishFiles([37], ${MODES})).ok);`,
    '--input-type=module',
  );
  assert.deepEqual([code, output], [0, 'true\n']);
});

test('the example', async () => {
  portal.failPublish(38, [1]);
  const example = fileURLToPath(new URL('../../examples/node/publish.mjs', import.meta.url));
  const { code, output } = await run(`process.argv.push('example', '37', '38'); import(${JSON.stringify(example)})`);
  assert.deepEqual([code, output], [1, '37 ok\n38 failed Publish failed for contacts [1].\n']);
});

test('process.exit with a call in flight: no crash, no hang, a word about it', async () => {
  portal.nextFault('hang');
  const { child, ended } = startScript(
    portal,
    `${REQUIRE}
    process.once('SIGUSR2', () => process.exit(7));
    publishFiles([37], ${MODES}).catch(() => {});`,
  );
  await posted(portal, 1);
  child.kill('SIGUSR2');
  const { code, signal, errors } = await ended;
  assert.deepEqual([code, signal], [7, null]);
  assert.match(errors, /1 file went to Addepar .* Do not run this again/);
});

test('one client serves many calls at once', async () => {
  // None is answered before all have arrived.
  portal.control('hold');
  const client = portal.client();
  const options = { portalPublishing: 'publish', contactNotification: 'do_not_notify' };
  const calls = Promise.all(Array.from({ length: 20 }, (_, index) => client.publishFiles([index + 1], options)));
  await posted(portal, 20);
  portal.control('release');
  const reports = await calls;
  assert.ok(reports.every((report, index) => report.ok && report.files[0].fileId === index + 1));
});

/** Sends SIGTERM to a script as soon as its request arrived, and does something then. */
async function terminated(script, then) {
  const { child, ended } = startScript(portal, script);
  await posted(portal, 1);
  child.kill('SIGTERM');
  await then?.();
  return ended;
}

test('SIGTERM ends the process at once, whatever it waits for', async () => {
  portal.nextFault('hang');
  const { code, signal } = await terminated(`${REQUIRE} publishFiles([37], ${MODES});`);
  assert.deepEqual([code, signal], [null, 'SIGTERM']);
});

test('SIGTERM with a handler that awaits the call: it ends well', async () => {
  portal.control('hold');
  const { code, signal, output, errors } = await terminated(
    `${REQUIRE} ${SAY}
    let call;
    process.once('SIGTERM', async () => { void say('/terminated'); console.log((await call).ok); process.exitCode = 3; });
    call = publishFiles([37], ${MODES});`,
    async () => {
      await said(portal, '/terminated');
      portal.control('release');
    },
  );
  assert.deepEqual({ code, signal, output, errors }, { code: 3, signal: null, output: 'true\n', errors: '' });
});

test('SIGTERM with a handler that aborts the call: the outcome is told', async () => {
  portal.nextFault('hang');
  const { code, output } = await terminated(`${REQUIRE}
    const shutdown = new AbortController();
    process.once('SIGTERM', () => shutdown.abort());
    publishFiles([37], { ...${MODES}, signal: shutdown.signal }).catch((error) => console.log(error.code));`);
  assert.deepEqual([code, output], [0, 'ERR_OUTCOME_UNKNOWN\n']);
});

test("a rejection that nobody handles ends the process and shows the caller's line", async () => {
  portal.nextFault('status:503');
  const { code, errors } = await run(`${REQUIRE}

    async function monthly() {
      await publishFiles([37], ${MODES});
    }
    monthly();`);
  assert.equal(code, 1);
  assert.match(errors, /OutcomeUnknownError.*1 file went to Addepar/);
  assert.match(errors, /at async monthly \(\[eval\]:4:/);
});

test('process.exit in many ways with calls in flight', async () => {
  const ways = [
    `setTimeout(() => process.exit(7), 50)`,
    `process.on('beforeExit', () => process.exit(7)); calls.push(1)`,
    `setTimeout(() => { process.exitCode = 7; process.exit(); }, 50)`,
    `setTimeout(() => { process.on('uncaughtException', () => process.exit(7)); throw new Error('x'); }, 50)`,
    `setTimeout(() => process.reallyExit(7), 50)`,
  ];
  portal.control('set', { delay_ms: 48 });
  const ends = await Promise.all(
    ways.flatMap((way) => [way, way]).map((way) =>
      run(`${REQUIRE}
        const client = new PortalClient();
        const calls = Array.from({ length: 20 }, (_, index) => client.publishFiles([index + 1], ${MODES}).catch(() => {}));
        ${way};`),
    ),
  );
  for (const { code, signal, errors } of ends) {
    assert.deepEqual([code, signal], [7, null], errors);
  }
});

test('the event loop turns while a call waits', async () => {
  portal.control('hold');
  const call = portal.client().publishFiles([37], { portalPublishing: 'publish', contactNotification: 'notify' });
  let over = false;
  const ended = call.finally(() => {
    over = true;
  });
  await posted(portal, 1);
  for (let turn = 0; turn < 1000; turn += 1) {
    await nextTurn();
  }
  // Had the call blocked it, nobody would have come so far: the portal answers only now.
  assert.ok(!over);
  portal.control('release');
  await ended;
});

/** Milliseconds for which the main thread has worked, whatever else the machine was doing; exact after a sleep. */
async function worked() {
  await sleep(20);
  const [nanoseconds] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ');
  return Number(nanoseconds) / 1e6;
}

test(
  'a report of 500 files is hardly any work for the event loop',
  { skip: process.platform !== 'linux' && 'only Linux tells how long a thread has worked' },
  async (t) => {
    const files = Array.from({ length: 500 }, (_, index) => index + 1);
    for (const file of files) {
      portal.failNotify(file, [1]);
    }
    const client = portal.client();
    const publish = () => client.publishFiles(files, { portalPublishing: 'publish', contactNotification: 'notify' });
    await publish();
    const rounds = 20;
    const before = await worked();
    for (let round = 0; round < rounds; round += 1) {
      assert.ok(!(await publish()).ok);
    }
    const each = ((await worked()) - before) / rounds;
    t.diagnostic(`work of the main thread per report: ${each.toFixed(2)} ms`);
    assert.ok(each > 0 && each < 5, `${each} ms`);
  },
);

test('child_process.fork: reports and errors cross as JSON', async () => {
  portal.control('faults', { faults: ['status:503'] });
  const { code, output, errors } = await run(`${REQUIRE}
    const { fork } = require('node:child_process');
    const { writeFileSync, mkdtempSync, rmSync } = require('node:fs');
    const { join } = require('node:path');
    const folder = mkdtempSync(join(require('node:os').tmpdir(), 'addepar-portal-'));
    const file = join(folder, 'child.cjs');
    writeFileSync(file, \`
      const { publishFiles } = require(\${JSON.stringify(require.resolve('addepar-portal'))});
      const again = () => publishFiles([38], ${MODES}).then((report) => process.send({ report }, () => process.disconnect()));
      publishFiles([37], ${MODES}).catch((error) => process.send({ error }, again));\`);
    const child = fork(file);
    child.on('message', (message) => console.log(JSON.stringify(message)));
    child.on('exit', (code) => { rmSync(folder, { recursive: true }); process.exitCode = code; });`);
  assert.deepEqual([code, errors], [0, '']);
  const [{ error }, { report }] = output.trim().split('\n').map((line) => JSON.parse(line));
  assert.equal(error.code, 'ERR_OUTCOME_UNKNOWN');
  assert.deepEqual(report.files.map((file) => [file.file_id, file.state]), [[38, 'ok']]);
});

test('node:cluster: each worker has connections of its own, the primary keeps its', async () => {
  // Workers of a cluster run a file.
  const { code, output, errors } = await run(`require('./cluster.cjs');`);
  assert.deepEqual([code, output, errors], [0, 'true 0,0,0,0 true\n', '']);
  const sent = portal.requests.flatMap((request) => request.body.data.attributes.files_id);
  assert.equal(sent.length, 60);
  assert.equal(new Set(sent).size, 60);
});

test('a simulated portal runs although nobody refers to it, and keeps no process alive', async () => {
  const { code, output, errors } = await run(
    `${REQUIRE}
    const { SimulatedPortal } = require('addepar-portal/testing');
    const { setImmediate: turn } = require('node:timers/promises');
    (async () => {
      Object.assign(process.env, (await SimulatedPortal.start()).environ());
      for (let round = 0; round < 10; round += 1) { await turn(); gc(); }
      console.log((await publishFiles([37], ${MODES})).ok);
    })();`,
    '--expose-gc',
  );
  assert.deepEqual({ code, output, errors }, { code: 0, output: 'true\n', errors: '' });
  assert.deepEqual(portal.requests, []);
});

test('the files of a simulated portal may be a Map', async () => {
  const files = new Map([[37, new Set([1, 2])], [38, [3]], ['39', Int32Array.of(4)]]);
  const other = await SimulatedPortal.start({ files, failPublish: new Map([[38, new Set([3])]]), preferences: new Map() });
  try {
    other.failNotify(37, new Set([2]));
    const modes = { portalPublishing: 'publish', contactNotification: 'notify' };
    const report = await other.client().publishFiles([37, 38, 39], modes);
    assert.deepEqual(report.files.map(({ state }) => state), ['failed', 'failed', 'ok']);
    assert.deepEqual([37, 38, 39].map((file) => other.published(file)), [[1, 2], [], [4]]);
    assert.deepEqual(report.file(37).contactsNotNotified, [2]);
  } finally {
    await other.close();
  }
});

/** Source text: tries to make a client of a real host, and tells why not. */
const LIVE = `const { PortalClient } = require('addepar-portal');
  try {
    new PortalClient({ firmName: 'examplefirm', firmId: '1', accessToken: 'token' });
    console.log('made');
  } catch (error) {
    console.log(error.code, error.message);
  }`;

/** Programs that are test runners, though no variable says so: by their file, or by what they provide. */
const RUNNERS = {
  mocha: ['node_modules/mocha/bin/mocha.js', LIVE, /^ERR_CONFIG .*this is a test run \(it was started as mocha\)/],
  'a worker of mocha': ['node_modules/mocha/lib/nodejs/worker.js', LIVE, /^ERR_CONFIG .*started as mocha/],
  'a runner with globals': ['run.js', `globalThis.describe = globalThis.it = () => {}; ${LIVE}`, /^ERR_CONFIG .*global functions/],
  'a runner with globals in other words': ['run.js', `globalThis.suite = globalThis.test = () => {}; ${LIVE}`, /^ERR_CONFIG .*global functions/],
  'no test runner': ['mocha/app.js', `globalThis.it = 'it'; globalThis.describe = 1; ${LIVE}`, /^made/],
};

for (const [runner, [path, script, told]] of Object.entries(RUNNERS)) {
  test(`a program may reach Addepar unless it is a test runner: ${runner}`, async () => {
    const folder = await mkdtemp(fileURLToPath(new URL('runner-', import.meta.url)));
    try {
      const file = join(folder, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, script);
      const signs = new Set(['NODE_TEST_CONTEXT', 'NODE_ENV', 'VITEST', 'JEST_WORKER_ID', 'AVA_PATH']);
      const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !signs.has(name) && !/^(ADDEPAR|PYTEST)_/.test(name)));
      const { stdout, stderr } = spawnSync(process.execPath, [file], { env, encoding: 'utf8', timeout: 60_000 });
      assert.match(stdout, told, stderr);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}

test('a call leaves no handle that a tool for open handles would blame on it', async () => {
  const script = `${REQUIRE}
    const { createHook } = require('node:async_hooks');
    setImmediate(async () => {
      const types = new Set();
      const hook = createHook({ init: (_, type) => types.add(type) }).enable();
      await publishFiles([37], { ...${MODES}, signal: AbortSignal.timeout(60_000) });
      hook.disable();
      console.log([...types].filter((type) => type.includes('napi')).join());
    });`;
  const { code, output, errors } = await runScript(portal, script);
  assert.deepEqual([code, output, errors], [0, '\n', '']);
});
