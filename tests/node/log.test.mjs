// What a logger is told, and that no secret is in it.

import assert from 'node:assert/strict';
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
  const take = (level) => (message) => lines.push(`${level} ${message}`);
  return { lines, debug: take('debug'), info: take('info'), warn: take('warn') };
}

test('a call tells when it goes out, waits and ends', async () => {
  const portal = await SimulatedPortal.start({ files: { 37: [1], 38: [2] } });
  const logger = recorder();
  portal.nextFault('rate_limited', { retry_after: 1 });
  const report = await portal.client({ logger }).publishFiles([37, 38], MODES);
  assert(report.ok);
  const starts = [
    'info Sending 2 files, attempt 1: portal_publishing publish, contact_notification do_not_notify, 0 override',
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
  'is no real promise': () => ({ then: (_, reject) => reject(new Error('broken')) }),
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
