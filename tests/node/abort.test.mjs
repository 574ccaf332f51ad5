// Ending one call with an AbortSignal.

import assert from 'node:assert/strict';
import { EventEmitter, getEventListeners, once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

import { SimulatedPortal } from 'addepar-portal/testing';

import { posted } from './script.mjs';

const MODES = { portalPublishing: 'publish', contactNotification: 'do_not_notify' };

let portal;
beforeEach(async () => {
  portal = await SimulatedPortal.start();
});
afterEach(() => portal.close());

test('already aborted: nothing is sent, the reason comes back', async () => {
  const reason = new Error('changed my mind');
  await assert.rejects(portal.client().publishFiles([37], { ...MODES, signal: AbortSignal.abort(reason) }), (error) => error === reason);
  assert.equal(portal.control('posts'), 0);
});

test('aborted after it went out to a server that never answers: unknown, with a warning and a closed socket', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  const received = once(silent, 'connection').then(async ([socket]) => {
    await once(socket, 'data');
    return socket;
  });
  await once(silent, 'listening');
  const controller = new AbortController();
  const reason = new Error('too slow');
  const warned = once(process, 'warning');
  const client = portal.client({ baseUrl: `http://127.0.0.1:${silent.address().port}` });
  const call = client.publishFiles([37], { ...MODES, signal: controller.signal });
  const socket = await received;
  const closed = once(socket.resume(), 'close');
  controller.abort(reason);
  const error = await call.catch((thrown) => thrown);
  assert.deepEqual([error.name, error.code, error.cause], ['AbortError', 'ERR_OUTCOME_UNKNOWN', reason]);
  assert.equal(error.report.file(37).state, 'unknown');
  assert.match(error.stack, /abort\.test\.mjs/);
  const [warning] = await warned;
  assert.deepEqual([warning.name, warning.message], ['AddeparPortalWarning', error.message]);
  await closed;
  silent.close();
});

test('aborted once its answer was read: its outcome is known', async () => {
  const controller = new AbortController();
  const info = (message) => message.startsWith('Attempt') && controller.abort(new Error('too late'));
  const client = portal.client({ logger: { debug() {}, info, warn() {} } });
  const error = await client.publishFiles([37], { ...MODES, signal: controller.signal }).catch((thrown) => thrown);
  assert.deepEqual([error.name, error.code, error.outcome, error.phase], ['AbortError', 'ERR_OUTCOME_UNKNOWN', 'processed', null]);
  assert.deepEqual([error.fileIds, error.report.ok, error.httpStatus], [[], true, 200]);
  assert.match(error.message, /after the server had processed it: 1 ok .* do not send them again/);
});

test('aborted while it waits for the rate limit: nothing was processed, nothing goes out any more', async () => {
  // The longest that is waited for, and after which nothing could be seen of it.
  for (const retryAfter of ['60', '2']) {
    portal.control('reset');
    portal.nextFault('rate_limited', { retryAfter });
    const controller = new AbortController();
    const waits = new EventEmitter();
    const waiting = once(waits, 'waits');
    const info = (message) => message.includes('Waiting') && waits.emit('waits');
    const client = portal.client({ logger: { debug() {}, info, warn() {} } });
    const call = client.publishFiles([37], { ...MODES, signal: controller.signal });
    await waiting;
    controller.abort();
    await assert.rejects(call, { name: 'AbortError', code: 20 });
  }
  await sleep(2500);
  assert.equal(portal.control('posts'), 1);
});

test('aborted while a token is asked for: nothing is sent, later calls ask anew', async () => {
  const tokens = [new Promise(() => {}), 'simulated-token'];
  const client = portal.client({ accessToken: () => tokens.shift() });
  const controller = new AbortController();
  const call = client.publishFiles([37], { ...MODES, signal: controller.signal });
  setTimeout(() => controller.abort(), 20);
  await assert.rejects(call, { name: 'AbortError', code: 20 });
  assert.equal(portal.control('posts'), 0);
  assert.ok((await client.publishFiles([37], MODES)).ok);
});

test('a token that comes after the abort is not used for the call', async () => {
  const asked = new EventEmitter();
  const client = portal.client({ accessToken: () => new Promise((resolve) => asked.emit('asked', resolve)) });
  const controller = new AbortController();
  const wanted = once(asked, 'asked');
  const call = client.publishFiles([37], { ...MODES, signal: controller.signal });
  const [provide] = await wanted;
  controller.abort();
  await assert.rejects(call, { name: 'AbortError', code: 20 });
  provide('simulated-token');
  await sleep(50);
  assert.equal(portal.control('posts'), 0);
});

test("not aborted: the listener is gone afterwards, the caller's onabort untouched", async () => {
  const controller = new AbortController();
  // eslint-disable-next-line unicorn/prefer-add-event-listener -- this is the one that must stay
  controller.signal.onabort = assert.fail;
  const before = getEventListeners(controller.signal, 'abort').length;
  assert.ok((await portal.client().publishFiles([37], { ...MODES, signal: controller.signal })).ok);
  assert.equal(controller.signal.onabort, assert.fail);
  assert.equal(getEventListeners(controller.signal, 'abort').length, before);
});

test('a second signal that cannot be listened to leaves no listener on the first', async () => {
  const stop = new AbortController();
  const drop = new AbortController().signal;
  drop.addEventListener = () => {
    throw new RangeError('no listeners here');
  };
  const journal = join(mkdtempSync(join(tmpdir(), 'addepar-portal-')), 'run.jsonl');
  const options = { ...MODES, journal, signal: stop.signal, dropSignal: drop };
  await assert.rejects(portal.client().publishBatch([37], options), { name: 'RangeError' });
  assert.deepEqual([getEventListeners(stop.signal, 'abort').length, portal.control('posts')], [0, 0]);
  // Nor does the second one keep it from being used again.
  const again = { ...options, dropSignal: undefined };
  assert.ok((await portal.client().publishBatch([37], again)).ok);
  assert.equal(getEventListeners(stop.signal, 'abort').length, 0);
});

test('AbortSignal.timeout: unknown, with the TimeoutError as its cause', async () => {
  portal.control('hold');
  const warned = once(process, 'warning');
  let error;
  // On a busy machine the time may be up before anything went out.
  for (const time of [200, 2_000, 20_000]) {
    error = await portal
      .client()
      .publishFiles([37], { ...MODES, signal: AbortSignal.timeout(time) })
      .catch((thrown) => thrown);
    if (error.name !== 'TimeoutError') break;
  }
  await warned;
  assert.deepEqual([error.name, error.code, error.cause.name], ['AbortError', 'ERR_OUTCOME_UNKNOWN', 'TimeoutError']);
  assert.deepEqual(error.fileIds, [37]);
});

test('aborted when it is over: the report stays, nothing is thrown or warned of', async () => {
  const warnings = [];
  const collect = (warning) => warnings.push(warning);
  process.on('warning', collect);
  const controller = new AbortController();
  const report = await portal.client().publishFiles([37], { ...MODES, signal: controller.signal });
  controller.abort();
  await sleep(50);
  process.off('warning', collect);
  assert.ok(report.ok);
  assert.deepEqual(warnings, []);
});

test('aborted in the turn in which the answer comes: a report or an error, never neither', async () => {
  const client = portal.client();
  for (let file = 1; file <= 50; file += 1) {
    const controller = new AbortController();
    const call = client.publishFiles([file], { ...MODES, signal: controller.signal });
    const ended = await call.then(
      (report) => {
        controller.abort();
        return report.ok;
      },
      () => false,
    );
    assert.ok(ended);
  }
});

test('one signal for many calls, one after the other and at once: no listener is left, no warning', async () => {
  const warnings = [];
  const collect = (warning) => warnings.push(warning);
  process.on('warning', collect);
  const { signal } = new AbortController();
  const client = portal.client();
  for (let file = 1; file <= 100; file += 1) {
    await client.publishFiles([file], { ...MODES, signal });
  }
  await Promise.all(Array.from({ length: 50 }, (_, index) => client.publishFiles([index + 101], { ...MODES, signal })));
  await sleep(10);
  process.off('warning', collect);
  assert.equal(getEventListeners(signal, 'abort').length, 0);
  assert.deepEqual(warnings, []);
});

test('one signal ends all of its calls, and warns of each', async () => {
  const count = 20;
  portal.control('faults', { faults: [{ name: 'hang', times: count }] });
  const warnings = [];
  const collect = (warning) => warnings.push(warning.message);
  process.on('warning', collect);
  const controller = new AbortController();
  const client = portal.client();
  const calls = Array.from({ length: count }, (_, index) =>
    client.publishFiles([index + 1], { ...MODES, signal: AbortSignal.any([controller.signal, AbortSignal.timeout(60_000)]) }),
  );
  await posted(portal, count);
  controller.abort();
  const errors = await Promise.all(calls.map((call) => call.catch((error) => error)));
  await sleep(50);
  process.off('warning', collect);
  assert.ok(errors.every((error, index) => error.code === 'ERR_OUTCOME_UNKNOWN' && error.fileIds[0] === index + 1));
  assert.deepEqual(warnings.toSorted(), errors.map((error) => error.message).toSorted());
  assert.ok((await client.publishFiles([37], MODES)).ok);
});

test('what was aborted and is said not to have gone out never arrives', async (t) => {
  const count = process.env.TEST_LONG === '1' ? 5000 : 300;
  portal.control('set', { delay_ms: 2 });
  const client = portal.client();
  const quiet = { debug() {}, info() {}, warn() {} };
  const times = [];
  for (let file = 1_000_001; file <= 1_000_020; file += 1) {
    client.close();
    const started = performance.now();
    await client.publishFiles([file], MODES);
    times.push(performance.now() - started);
  }
  let usual = times.toSorted((a, b) => a - b)[10];
  const ends = new Map();
  const fresh = portal.client({ logger: quiet });
  async function sometime() {
    const until = performance.now() + Math.random() * 1.2 * usual;
    while (performance.now() < until) {
      await nextTurn();
    }
  }
  async function one(file, moment = sometime) {
    const controller = new AbortController();
    const call = fresh.publishFiles([file], { ...MODES, signal: controller.signal });
    const ended = call.then(
      (report) => report.files[0].state,
      (error) => (error.code === 'ERR_OUTCOME_UNKNOWN' ? error.report.files[0].state : 'not_processed'),
    );
    await moment();
    controller.abort();
    const end = await ended;
    ends.set(file, end);
    // The machine may have become slower, or quicker.
    usual *= { ok: 0.9, unknown: 1, not_processed: 1.1 }[end];
  }
  for (let file = 1; file <= count; file += 3) {
    await Promise.all([one(file), one(file + 1), one(file + 2)]);
    if (file % 2) {
      fresh.close();
    }
  }
  // One of each kind for certain, however busy the machine is.
  await one(count + 3, () => {});
  portal.control('hold');
  const before = portal.requests.filter(({ complete }) => complete).length;
  await one(count + 4, () => posted(portal, before + 1));
  portal.control('release');
  await sleep(300);
  const bodies = portal.requests.filter((request) => request.complete).map((request) => request.body.data.attributes.files_id);
  const received = new Set(bodies.flat());
  assert.equal(received.size, bodies.flat().length, 'no file was sent twice');
  const ended = (state) => [...ends].filter(([, end]) => end === state).map(([file]) => file);
  assert.deepEqual(
    ended('not_processed').filter((file) => received.has(file)),
    [],
  );
  assert.deepEqual(
    ended('ok').filter((file) => !received.has(file)),
    [],
  );
  const counts = ['ok', 'unknown', 'not_processed'].map((state) => ended(state).length);
  t.diagnostic(`ok, unknown, not processed: ${counts.join(', ')}`);
  assert.ok(counts[1] > 0 && counts[2] > 0, `the instants were badly chosen: ${counts.join(', ')}`);
});
