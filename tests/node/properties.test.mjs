// Any argument at all: a report, or an error of the package or of JavaScript's types; then nothing was sent.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { inspect } from 'node:util';

import {
  ConfigError,
  InputError,
  OutcomeUnknownError,
  PortalClient,
  PortalError,
  publishFiles,
  PublishReport,
  PublishRequest,
  RejectedError,
} from 'addepar-portal';
import { SimulatedPortal } from 'addepar-portal/testing';

const TOOLS = process.env.ADDEPAR_PORTAL_TOOLS ?? '';
const fc = await load('fast-check');
const skip = fc ? false : 'ADDEPAR_PORTAL_TOOLS has no fast-check';

async function load(name) {
  try {
    return createRequire(join(TOOLS, 'package.json'))(name);
  } catch {
    return undefined;
  }
}

/** The same examples in every run. More of them: PROPERTY_RUNS. */
const RUNS = { seed: 37, numRuns: Number(process.env.PROPERTY_RUNS ?? 200) };
const MODES = { portalPublishing: 'publish', contactNotification: 'notify' };
const SECRET = 'correct horse battery staple';

/** What an argument's own methods throw is the caller's. */
class Mischief extends Error {}

let portal;
before(async () => {
  portal = await SimulatedPortal.start();
});
after(() => portal.close());

/** A test of a property of generated values. `values` is called only where there is fast-check. */
function property(name, values, holds) {
  test(name, { skip }, async () => {
    await fc.assert(fc.asyncProperty(...values(), holds), { ...RUNS, reporter });
  });
}

/** Says with which values it failed, as far as they let themselves be shown. */
function reporter({ failed, counterexample, counterexamplePath, errorInstance }) {
  if (failed) {
    throw new Error(`path ${counterexamplePath}: ${described(counterexample)}`, { cause: errorInstance });
  }
}

function described(values) {
  try {
    return inspect(values, { depth: 9, customInspect: false });
  } catch {
    return 'values that cannot be shown';
  }
}

/** What comes of it; anything but these errors fails the test. */
async function outcome(act) {
  try {
    return await act();
  } catch (error) {
    if (error instanceof PortalError || error instanceof TypeError || error instanceof Mischief) {
      return error;
    }
    throw error;
  }
}

function throws() {
  throw new Mischief();
}

/** Objects whose members throw or are not what they should be. */
function mischief() {
  return fc.constantFrom(
    { get constructor() { return throws(); } },
    { constructor: { name: 5 } },
    { constructor: null },
    { [inspect.custom]: throws },
    { valueOf: throws, toString: throws, toJSON: throws },
    { aborted: false },
    { aborted: false, throwIfAborted() {} },
    { aborted: false, throwIfAborted() {}, addEventListener: throws, removeEventListener() {} },
    new Proxy([37], { get: throws }),
    new Proxy({}, { ownKeys: throws }),
    Object.assign([37], { [Symbol.iterator]: throws }),
    Object.create(null),
    Symbol('37'),
    () => 37,
    new Map([[37, 38]]),
    new Date(Number.NaN),
    new DataView(new ArrayBuffer(2)),
    Buffer.from('37'),
    Int8Array.of(37),
    Array(3),
  );
}

function anything() {
  const kinds = { withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true, withSparseArray: true };
  return fc.oneof(fc.anything(kinds), text(), mischief(), fc.array(mischief(), { maxLength: 3 }));
}

/** Half a surrogate pair is a character that a text of JavaScript may have. */
function text() {
  return fc.string({ unit: fc.oneof(fc.string({ unit: 'binary', minLength: 1 }), fc.constantFrom('\ud800', '\udfff', '\0', ' ')) });
}

function ids() {
  const id = fc.oneof(fc.maxSafeNat(), fc.maxSafeNat().map(String), fc.bigInt({ min: 1n, max: 2n ** 53n - 1n }));
  return fc.oneof(
    anything(),
    fc.array(fc.oneof(id, id, id, anything()), { maxLength: 8 }),
    fc.uniqueArray(fc.integer({ min: 1, max: 2 ** 31 - 1 }), { minLength: 1, maxLength: 600 }),
    fc.uniqueArray(fc.integer({ min: 1, max: 2 ** 31 - 1 }), { maxLength: 8 }).map((all) => new Set(all)),
    fc.uniqueArray(fc.integer({ min: 1, max: 2 ** 31 - 1 }), { maxLength: 8 }).map((all) => Int32Array.from(all)),
    fc.float64Array({ maxLength: 4 }),
  );
}

function options() {
  const publishing = fc.oneof(fc.constantFrom('publish', 'PUBLISH', 'do_not_publish'), anything());
  const notification = fc.oneof(fc.constantFrom('notify', 'Do_Not_Notify'), anything());
  const modes = { portalPublishing: publishing, contactNotification: notification };
  const more = { publishOverrideContactIds: ids(), repeat: fc.oneof(fc.constant('allow'), anything()), signal: anything() };
  const some = fc.record(more, { requiredKeys: [] });
  return fc.oneof(
    fc.tuple(fc.record(modes), some).map(([all, added]) => Object.assign(all, added)),
    some.map((added) => Object.assign(added, MODES)),
    fc.constant(MODES),
    anything(),
  );
}

function check(report) {
  const { fileIds } = report.request;
  assert.ok(fileIds.length >= 1 && fileIds.length <= 500);
  assert.equal(new Set(fileIds).size, fileIds.length);
  assert.ok(fileIds.every((id) => Number.isSafeInteger(id) && id > 0));
  assert.deepEqual(report.files.map((file) => file.fileId), fileIds);
  assert.deepEqual(PublishReport.fromJSON(JSON.stringify(report)).toJSON(), report.toJSON());
}

function posts() {
  return portal.control('posts');
}

property('a request is valid or refused', () => [ids(), options()], async (fileIds, given) => {
  const request = await outcome(() => {
    const { repeat: _repeat, signal: _signal, ...asked } = Object(given);
    return new PublishRequest(fileIds, asked);
  });
  if (request instanceof PublishRequest) {
    assert.deepEqual(request.toJSON().data.attributes.files_id, request.fileIds);
  } else {
    assert.ok(request instanceof InputError || request instanceof TypeError || request instanceof Mischief);
  }
});

property('any arguments are sent once or refused', () => [ids(), options()], async (fileIds, given) => {
  const sent = posts();
  const client = portal.client();
  const report = await outcome(() => client.publishFiles(fileIds, given));
  if (report instanceof PublishReport) {
    assert.equal(posts(), sent + 1);
    check(report);
  } else {
    assert.ok(report instanceof InputError || report instanceof TypeError || report instanceof Mischief, report);
    assert.equal(posts(), sent);
  }
  client.close();
});

property('any client is used or refused', () => [anything()], async (client) => {
  const sent = posts();
  // Without a client, one would be made from the environment.
  const report = await outcome(() => publishFiles([37], { ...MODES, client: client ?? null }));
  assert.ok(report instanceof Error);
  assert.equal(posts(), sent);
});

function secrets() {
  return fc.tuple(fc.constantFrom('', '\0', ' '), text()).map(([start, end]) => `${start}${SECRET}${end}`);
}

function settings() {
  // Long enough: what one call leaves unknown would be counted in the next.
  const times = fc.double({ min: 10_000, max: 90_000, noNaN: true });
  const tokens = fc.oneof(anything(), secrets(), secrets().map((token) => () => token), anything().map((token) => () => token));
  const printable = fc.string({ minLength: 1 }).map((all) => all.replaceAll(/[^!-~]/g, '_'));
  return fc.record(
    {
      firmId: fc.oneof(printable, anything()),
      keySecret: fc.oneof(printable, secrets(), anything()),
      accessToken: fc.oneof(printable, tokens),
      timeoutMs: times,
      connectTimeoutMs: times,
      maxRateLimitWaitMs: times,
      caFile: fc.oneof(text(), anything()),
      logger: anything(),
    },
    { requiredKeys: [] },
  );
}

function shown(error) {
  return `${inspect(error, { depth: 9, showHidden: true })} ${error.stack} ${JSON.stringify(error)}`;
}

property('a call with any settings ends as documented and tells no secret', () => [settings()], async (given) => {
  const sent = posts();
  const client = await outcome(() => portal.client(given));
  if (!(client instanceof PortalClient)) {
    assert.ok(client instanceof ConfigError || client instanceof TypeError || client instanceof Mischief, client);
    assert.ok(!shown(client).includes(SECRET));
    return;
  }
  assert.ok(!inspect(client, { depth: 9, showHidden: true }).includes(SECRET));
  const report = await outcome(() => client.publishFiles([37], MODES));
  if (report instanceof PublishReport) {
    assert.equal(posts(), sent + 1);
    check(report);
  } else {
    assert.ok(report instanceof PortalError, report);
    assert.ok(!shown(report).includes(SECRET));
    check(report.report);
    assert.ok(posts() === sent || report instanceof OutcomeUnknownError || report instanceof RejectedError, report);
  }
  client.close();
});

property(
  'where a client leads is this machine or refused',
  () => [fc.record({ baseUrl: fc.oneof(fc.webUrl(), text(), text().map((path) => `http://127.0.0.1/${path}`), anything()), firmName: anything(), environment: anything(), proxy: fc.oneof(text(), anything()), journalDir: mischief() }, { requiredKeys: [] })],
  async (given) => {
    const client = await outcome(() => new PortalClient({ firmId: '1', keyId: 'key', keySecret: SECRET, ...given }));
    if (client instanceof PortalClient) {
      assert.ok(client.baseUrl.startsWith('http://127.0.0.1'), client.baseUrl);
    } else {
      assert.ok(client instanceof ConfigError || client instanceof TypeError || client instanceof Mischief, client);
      assert.ok(!shown(client).includes(SECRET));
    }
  },
);

property('any body names every file once', () => [fc.oneof(fc.json(), text(), fc.uint8Array(), anything())], async (body) => {
  const read = await outcome(() => PublishReport.fromResponse(new PublishRequest([37, 38], MODES), body));
  if (typeof body === 'string' || body instanceof Uint8Array) {
    check(read instanceof OutcomeUnknownError ? read.report : read);
  } else {
    assert.ok(read instanceof TypeError || read instanceof Mischief, read);
  }
});

property('any JSON is that of a report or refused', () => [fc.oneof(fc.json(), anything())], async (json) => {
  const report = await outcome(() => PublishReport.fromJSON(json));
  assert.ok(report instanceof InputError || report instanceof TypeError || report instanceof Mischief);
});
