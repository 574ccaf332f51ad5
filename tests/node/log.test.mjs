// What a logger is told, and that no secret is in it.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { inspect } from 'node:util';

import { ConfigError, OutcomeUnknownError, PortalClient } from 'addepar-portal';
import { SimulatedPortal } from 'addepar-portal/testing';

import { posted, until } from './script.mjs';

const MODES = { portalPublishing: 'publish', contactNotification: 'do_not_notify' };

function broken() {
  throw new Error('broken');
}

function recorder() {
  const lines = [];
  const records = [];
  const take = (level) => (message, fields) => {
    lines.push(`${level} ${message}`);
    records.push(fields);
  };
  return { lines, records, debug: take('debug'), info: take('info'), warn: take('warn') };
}

test('a call tells when it goes out, waits and ends', async () => {
  const portal = await SimulatedPortal.start({ files: { 37: [1], 38: [2] } });
  const logger = recorder();
  portal.nextFault('rate_limited', { retry_after: 1 });
  const report = await portal.client({ logger }).publishFiles([37, 38], MODES);
  assert(report.ok);
  const starts = [
    "info Sending 2 files, attempt 1: portalPublishing: 'publish', contactNotification: 'do_not_notify', 0 override",
    'debug Files of attempt 1: 37, 38',
    'info Attempt 1: 429 after ',
    'info Sending 2 files, attempt 2',
    'debug Files of attempt 2: 37, 38',
    'info Attempt 2: 200 after ',
  ];
  assert.equal(logger.lines.length, starts.length);
  starts.forEach((start, position) => assert(logger.lines[position].startsWith(start), logger.lines[position]));
  assert(!logger.lines.join('\n').includes('simulated-secret'));
  await portal.close();
});

test('a record has what it is about as fields, with the same id in each of one call', async () => {
  const portal = await SimulatedPortal.start({ files: { 37: [1], 38: [2] } });
  const logger = recorder();
  const client = portal.client({ logger });
  portal.nextFault('rate_limited', { retryAfter: 1 });
  await client.publishFiles([37, 38], MODES);
  const first = logger.records.splice(0);
  portal.nextFault('status:503');
  await assert.rejects(client.publishFiles([37], MODES));
  const second = logger.records.splice(0);
  assert.deepEqual([first, second].map((records) => new Set(records.map(({ callId }) => callId)).size), [1, 1]);
  assert.notEqual(first[0].callId, second[0].callId);
  const [sending, files, waiting, , , ended] = first;
  const { callId } = sending;
  const out = { callId, attempt: 1, fileCount: 2 };
  assert.deepEqual([sending, files], [out, out]);
  const { requestId, elapsedMs } = waiting;
  assert.deepEqual(waiting, { callId, attempt: 1, httpStatus: 429, requestId, elapsedMs, waitMs: 1000 });
  assert.ok(requestId.startsWith('simulated-') && elapsedMs > 0);
  const answered = { httpStatus: 200, requestId: ended.requestId, elapsedMs: ended.elapsedMs };
  assert.deepEqual(ended, { callId, attempt: 2, fileCount: 2, ...answered, ok: 2, failed: 0, unknown: 0, notProcessed: 0 });
  assert.deepEqual([second.at(-1).code, second.at(-1).unknown], ['ERR_OUTCOME_UNKNOWN', 1]);
  await portal.close();
});

test('a record of a batch names its chunk and its journal', async () => {
  const portal = await SimulatedPortal.start();
  const logger = recorder();
  const journal = join(mkdtempSync(join(tmpdir(), 'addepar-portal-')), 'run.jsonl');
  await portal.client({ logger }).publishBatch([1, 2, 3], { ...MODES, journal, chunkSize: 2 });
  assert.deepEqual(new Set(logger.records.map((fields) => fields.journal)), new Set([journal]));
  assert.deepEqual(logger.records.map(({ chunk, fileCount }) => [chunk, fileCount]), [[1, 2], [1, 2], [1, 2], [2, 1], [2, 1], [2, 1]]);
  assert.equal(new Set(logger.records.map(({ callId }) => callId)).size, 1);
  await portal.close();
});

test("a client's warning names settings and times as JavaScript has them", async () => {
  const warned = once(process, 'warning');
  process.env.ADDEPAR_PORTAL_LIVE = '1';
  try {
    void new PortalClient({ baseUrl: 'https://portal.invalid', firmId: '1', accessToken: 't', timeoutMs: 1500 });
  } finally {
    delete process.env.ADDEPAR_PORTAL_LIVE;
  }
  const [{ message }] = await warned;
  const limits = 'but Addepar itself takes up to 60000 ms: a timeout below 65000 ms only makes outcomes unknown.';
  assert.equal(message, `\`timeoutMs\` is 1500 ms, ${limits}`);
});

test('a dropped request is warned of', async () => {
  const portal = await SimulatedPortal.start({ files: { 37: [1] } });
  const logger = recorder();
  portal.control('hold');
  const controller = new AbortController();
  const call = portal.client({ logger }).publishFiles([37], { ...MODES, signal: controller.signal });
  await posted(portal, 1);
  controller.abort();
  await assert.rejects(call, OutcomeUnknownError);
  assert.equal(logger.lines.filter((line) => line.startsWith('warn ')).length, 1);
  const { callId, ...fields } = logger.records.at(-1);
  assert.equal(callId, logger.records[0].callId);
  assert.deepEqual(fields, { fileCount: 1, ok: 0, failed: 0, unknown: 1, notProcessed: 0, code: 'ERR_OUTCOME_UNKNOWN' });
  await portal.close();
});

const revoked = Proxy.revocable({}, {});
revoked.revoke();

/** Loggers whose methods fail, each in its way. */
const FAILING = {
  throws: broken,
  'throws what cannot be looked at': () => {
    throw revoked.proxy;
  },
  rejects: async () => broken(),
  'rejects with nothing': () => Promise.reject(),
  'rejects later': () => new Promise((_, reject) => setImmediate(reject, new Error('broken'))),
  // eslint-disable-next-line unicorn/no-thenable
  'is not a real promise': () => ({ then: (_, reject) => reject(new Error('broken')) }),
  'cannot be asked': () => ({
    // eslint-disable-next-line unicorn/no-thenable
    get then() {
      return broken();
    },
  }),
};

for (const [way, fail] of Object.entries(FAILING)) {
  test(`a logger that ${way} costs nobody the outcome and ends no process`, async () => {
    const portal = await SimulatedPortal.start({ files: { 37: [1] } });
    const warnings = [];
    const collect = (warning) => warnings.push(warning.message);
    process.on('warning', collect);
    try {
      const client = portal.client({ logger: { debug: fail, info: fail, warn: fail } });
      assert((await client.publishFiles([37], MODES)).ok);
      portal.control('hold');
      const controller = new AbortController();
      const dropped = client.publishFiles([37], { ...MODES, signal: controller.signal });
      await posted(portal, 2);
      controller.abort();
      await assert.rejects(dropped, OutcomeUnknownError);
      await until(() => ['info', 'warn'].every((level) => warnings.some((message) => message.startsWith(`logger.${level} failed (`))));
      assert(warnings.some((message) => message.startsWith('logger.warn failed (') && message.includes('1 file went to Addepar')));
    } finally {
      process.off('warning', collect);
      await portal.close();
    }
  });
}

test('no level and no error tells a secret', async () => {
  const portal = await SimulatedPortal.start({ files: { 37: [1], 38: [2] } });
  const logger = recorder();
  const refused = portal.control('endpoint', { name: 'proxy_407' }).url;
  const ways = [
    {},
    { accessToken: 'simulated-token' },
    { accessToken: () => 'token-of-the-caller' },
    { accessToken: () => 'token of the caller' },
    { baseUrl: portal.control('endpoint', { name: 'self_signed' }).url },
    { baseUrl: 'https://portal.invalid', proxy: refused.replace('//', '//operator:password-of-the-proxy@') },
  ];
  process.env.ADDEPAR_PORTAL_LIVE = '1';
  try {
    for (const way of ways) {
      for (const fault of ['status:401', 'status:503']) {
        portal.control('reset');
        portal.nextFault(fault);
        const client = portal.client({ ...way, logger });
        const ended = await client.publishFiles([37, 38], MODES).catch((error) => error);
        logger.lines.push(inspect(client), inspect(ended, { depth: 9, showHidden: true }), JSON.stringify(ended));
      }
    }
  } finally {
    delete process.env.ADDEPAR_PORTAL_LIVE;
    await portal.close();
  }
  const told = logger.lines.join('\n');
  for (const line of ['info Attempt 1: 401', 'info Attempt 1: 503', 'info Attempt 1: the server was not reached']) {
    assert(told.includes(line), told);
  }
  const plain = ['simulated-secret', 'simulated-token', 'password-of-the-proxy', 'token-of-the-caller', 'token of the caller'];
  const headers = ['simulated-key:simulated-secret', 'operator:password-of-the-proxy'];
  const encoded = headers.map((header) => Buffer.from(header).toString('base64'));
  assert.deepEqual(
    [...plain, ...encoded].filter((secret) => told.includes(secret)),
    [],
  );
});

test('a logger without the methods is refused', () => {
  const settings = { baseUrl: 'http://127.0.0.1:1', firmId: '1', accessToken: 't' };
  assert.throws(() => new PortalClient({ ...settings, logger: { info() {} } }), ConfigError);
});

test('a call that repeats what this process sent without a journal is warned of each time', async () => {
  const portal = await SimulatedPortal.start({});
  const warnings = [];
  const collect = (warning) => warnings.push(warning);
  process.on('warning', collect);
  try {
    const modes = { portalPublishing: 'publish', contactNotification: 'notify' };
    const client = portal.client();
    for (const fileIds of [[37], [37, 38], [37, 38]]) {
      await client.publishFiles(fileIds, modes);
    }
    await client.publishFiles([37, 38], { ...modes, repeat: 'allow' });
    await new Promise(setImmediate);
    const said = warnings.filter(({ name }) => name === 'AddeparPortalWarning').map(({ message }) => message);
    assert.equal(said.length, 2, said.join());
    assert.match(said[0], /1 of these files \(37\) was already sent by this process at \d\d:\d\d:\d\d UTC, .* Set `journalDir` /);
    assert.match(said[1], /These 2 files \(37, 38\) were already sent by this process /);
  } finally {
    process.off('warning', collect);
    await portal.close();
  }
});
