// Worker threads: start, use, terminate.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { SimulatedPortal } from 'addepar-portal/testing';

import { MODES, REQUIRE, posted, runScript, startScript, startWorker } from './script.mjs';

let portal;
beforeEach(async () => {
  portal = await SimulatedPortal.start();
});
afterEach(() => portal.close());

const worker = (script) => startWorker(portal, script);

/** The first message of a worker, and then its exit code. */
async function outcome(one) {
  const failed = once(one, 'error').then(([error]) => Promise.reject(error));
  const ended = Promise.all([once(one, 'message'), once(one, 'exit')]);
  const [[message], [code]] = await Promise.race([ended, failed]);
  return [message, code];
}

test('20 workers at once publish, and end by themselves', async () => {
  const script = `${REQUIRE}
    const { parentPort, threadId } = require('node:worker_threads');
    const client = new PortalClient();
    Promise.all(Array.from({ length: 10 }, (_, index) => client.publishFiles([threadId * 1000 + index], ${MODES})))
      .then((reports) => parentPort.postMessage(reports.map((report) => report.toJSON().files[0])));`;
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => outcome(worker(script))));
  for (const [files, code] of outcomes) {
    assert.equal(code, 0);
    assert.deepEqual([files.length, ...new Set(files.map((file) => file.state))], [10, 'ok']);
  }
  const sent = portal.requests.flatMap((request) => request.body.data.attributes.files_id);
  assert.equal(new Set(sent).size, 200);
  assert.equal(sent.length, 200);
});

test('an idle client lets a worker end, a pending call does not', async () => {
  portal.control('hold');
  const script = `${REQUIRE}
    publishFiles([37], ${MODES}).then((report) => require('node:worker_threads').parentPort.postMessage(report.ok));`;
  const one = worker(script);
  let ended = false;
  one.once('exit', () => {
    ended = true;
  });
  await posted(portal, 1);
  await sleep(300);
  assert.ok(!ended);
  portal.control('release');
  assert.deepEqual(await outcome(one), [true, 0]);
});

test('process.exit in a worker ends the worker alone and tells of its calls', async () => {
  portal.nextFault('hang');
  const { child, ended } = startScript(
    portal,
    `const { Worker } = require('node:worker_threads');
    const worker = new Worker(
      \`${REQUIRE}
      require('node:worker_threads').parentPort.once('message', () => process.exit(5));
      publishFiles([37], ${MODES}).catch(() => {});\`,
      { eval: true },
    );
    process.once('SIGUSR2', () => worker.postMessage('exit'));
    worker.on('exit', async (code) => {
      ${REQUIRE}
      console.log(code, (await publishFiles([38], ${MODES})).ok);
    });`,
  );
  await posted(portal, 1);
  child.kill('SIGUSR2');
  const { code, output, errors } = await ended;
  assert.deepEqual([code, output], [0, '5 true\n']);
  assert.match(errors, /1 file went to Addepar .* Do not run this again/);
});

test('the process ends while its workers publish', async () => {
  portal.control('set', { delay_ms: 10 });
  const loop = `${REQUIRE} const c = new PortalClient();
    (async () => {
      for (;;) {
        await c.publishFiles([37], ${MODES});
        require('node:worker_threads').parentPort.postMessage('published');
      }
    })();`;
  const script = `const { Worker } = require('node:worker_threads');
    for (let index = 0; index < 6; index += 1) {
      const one = new Worker(${JSON.stringify(loop)}, { eval: true });
      if (index === 5) one.once('message', () => setTimeout(() => process.exit(6), Math.random() * 20));
    }`;
  const ends = await Promise.all(Array.from({ length: 4 }, () => runScript(portal, script)));
  for (const { code, signal, errors } of ends) {
    assert.deepEqual([code, signal], [6, null], errors);
  }
  assert.ok(portal.control('posts') > 0);
});

test('an error crosses to the main thread as plain data', async () => {
  portal.nextFault('status:503');
  const script = `${REQUIRE}
    publishFiles([37], ${MODES}).catch((error) => require('node:worker_threads').parentPort.postMessage(error.toJSON()));`;
  const [error] = await outcome(worker(script));
  assert.equal(error.code, 'ERR_OUTCOME_UNKNOWN');
  assert.equal(error.report.files[0].state, 'unknown');
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
  await posted(portal, count);
  await Promise.all(workers.map((one) => one.terminate()));
  assert.ok((await portal.client().publishFiles([37], { portalPublishing: 'publish', contactNotification: 'notify' })).ok);
});

test('workers that are terminated just as their answers arrive take nothing down', async () => {
  portal.control('set', { delay_ms: 20 });
  const workers = Array.from({ length: 8 }, () =>
    worker(`${REQUIRE} const c = new PortalClient(); (async () => { for (;;) await c.publishFiles([37], ${MODES}); })();`),
  );
  await posted(portal, 40);
  for (const one of workers) {
    await sleep(7);
    await one.terminate();
  }
});

