// Life in a process: idle clients, exits, worker threads, many calls at once.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

import { SimulatedPortal } from 'addepar-portal/testing';

const MODES = `{ portalPublishing: 'publish', contactNotification: 'do_not_notify' }`;

let portal;
beforeEach(async () => {
  portal = await SimulatedPortal.start();
});
afterEach(() => portal.close());

/** Runs a script in a process of its own. */
async function run(script, ...flags) {
  const child = spawn(process.execPath, [...flags, '--eval', script], {
    env: { ...process.env, ...portal.environ() },
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 20_000,
  });
  const exit = new Promise((resolve) => child.on('exit', (code, signal) => resolve([code, signal])));
  const [[code, signal], output, errors] = await Promise.all([exit, text(child.stdout), text(child.stderr)]);
  return { code, signal, output, errors };
}

function worker(script) {
  return new Worker(script, { eval: true, env: { ...process.env, ...portal.environ() } });
}

async function posted(count) {
  while (portal.control('posts') < count) {
    await sleep(5);
  }
}

const REQUIRE = `const { publishFiles, PortalClient } = require('addepar-portal');`;

test('an idle client lets the process end, a pending call does not', async () => {
  portal.control('set', { delay_ms: 300 });
  const started = performance.now();
  const { code, output, errors } = await run(`${REQUIRE}
    const client = new PortalClient();
    client.publishFiles([37], ${MODES}).then((report) => console.log(report.ok));`);
  assert.deepEqual({ code, output, errors }, { code: 0, output: 'true\n', errors: '' });
  assert.ok(performance.now() - started < 3000);
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

test('a platform without an addon: the message says what there is and what to do', async () => {
  const bare = await mkdtemp(join(tmpdir(), 'addepar-portal-'));
  try {
    const installed = dirname(createRequire(import.meta.url).resolve('addepar-portal/package.json'));
    await cp(join(installed, 'dist'), join(bare, 'dist'), { recursive: true });
    await mkdir(join(bare, 'native'));
    await writeFile(join(bare, 'native', 'addepar-portal.plan9-mips.node'), '');
    const script = `require(${JSON.stringify(join(bare, 'dist', 'index.js'))})`;
    const none = await run(script);
    assert.equal(none.code, 1);
    assert.match(none.errors, new RegExp(`no native module for ${process.platform}-${process.arch}.*plan9-mips.*make package`));
    await writeFile(join(bare, 'native', `addepar-portal.${process.platform}-${process.arch}-other.node`), 'no addon');
    assert.match((await run(script)).errors, /cannot be loaded \(.*other\.node/);
  } finally {
    await rm(bare, { recursive: true });
  }
});

test('process.exit with a call in flight: no crash, no hang, a word about it', async () => {
  portal.nextFault('hang');
  const { code, signal, errors } = await run(`${REQUIRE}
    publishFiles([37], ${MODES}).catch(() => {});
    setTimeout(() => process.exit(7), 300);`);
  assert.deepEqual([code, signal], [7, null]);
  assert.match(errors, /1 file went to Addepar .* Do not run this again/);
});

test('worker threads', async () => {
  const script = `${REQUIRE}
    publishFiles([37], ${MODES}).then((report) => require('node:worker_threads').parentPort.postMessage(report.toJSON()));`;
  const reports = await Promise.all(
    [1, 2, 3].map(() => new Promise((resolve, reject) => worker(script).on('message', resolve).on('error', reject))),
  );
  assert.ok(reports.every((report) => report.ok));
});

test('a worker has its own environment', async () => {
  const script = `process.env.ADDEPAR_FIRM_ID = '99';
    const { PortalClient } = require('addepar-portal');
    require('node:worker_threads').parentPort.postMessage(new PortalClient().firmId);`;
  assert.equal(await new Promise((resolve) => worker(script).on('message', resolve)), '99');
});

test('workers that are terminated during a call take nothing down', async () => {
  const count = 8;
  portal.control('faults', { faults: Array.from({ length: count }, () => 'hang') });
  const workers = Array.from({ length: count }, () => worker(`${REQUIRE} publishFiles([37], ${MODES}).catch(() => {});`));
  await posted(count);
  await Promise.all(workers.map((one) => one.terminate()));
  assert.ok((await portal.client().publishFiles([37], { portalPublishing: 'publish', contactNotification: 'notify' })).ok);
});

test('workers that are terminated just as their answers arrive take nothing down', async () => {
  portal.control('set', { delay_ms: 20 });
  const workers = Array.from({ length: 8 }, () =>
    worker(`${REQUIRE} const c = new PortalClient(); (async () => { for (;;) await c.publishFiles([37], ${MODES}); })();`),
  );
  await posted(40);
  for (const one of workers) {
    await sleep(7);
    await one.terminate();
  }
});

test('one client serves many calls at once', async () => {
  portal.control('set', { delay_ms: 100 });
  const client = portal.client();
  const started = performance.now();
  const options = { portalPublishing: 'publish', contactNotification: 'do_not_notify' };
  const reports = await Promise.all(Array.from({ length: 20 }, (_, index) => client.publishFiles([index + 1], options)));
  assert.ok(reports.every((report, index) => report.ok && report.files[0].fileId === index + 1));
  assert.ok(performance.now() - started < 1500);
});
