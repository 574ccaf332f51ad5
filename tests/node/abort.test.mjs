// Ending one call with an AbortSignal.

import assert from 'node:assert/strict';
import { EventEmitter, getEventListeners, once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { SimulatedPortal } from 'addepar-portal/testing';

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

test('aborted after it went out: unknown, at once, with a warning and a closed socket', async () => {
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
  const aborted = performance.now();
  controller.abort(reason);
  const error = await call.catch((thrown) => thrown);
  assert.ok(performance.now() - aborted < 50);
  assert.deepEqual([error.name, error.code, error.cause], ['AbortError', 'ERR_OUTCOME_UNKNOWN', reason]);
  assert.equal(error.report.file(37).state, 'unknown');
  assert.match(error.stack, /abort\.test\.mjs/);
  const [warning] = await warned;
  assert.deepEqual([warning.name, warning.message], ['AddeparPortalWarning', error.message]);
  await closed;
  assert.ok(performance.now() - aborted < 500);
  silent.close();
});

test('aborted while it waits for the rate limit: nothing was processed, nothing goes out any more', async () => {
  portal.nextFault('rate_limited', { retryAfter: '1' });
  const controller = new AbortController();
  const call = portal.client().publishFiles([37], { ...MODES, signal: controller.signal });
  while (portal.control('posts') === 0) {
    await sleep(5);
  }
  await sleep(50);
  controller.abort();
  await assert.rejects(call, { name: 'AbortError', code: 20 });
  await sleep(1200);
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
