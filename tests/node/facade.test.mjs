// What only the facade can get wrong: collections, classes, stacks, immutability, what is printed.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { inspect } from 'node:util';
import { runInThisContext } from 'node:vm';

import * as esm from 'addepar-portal';
import * as esmTesting from 'addepar-portal/testing';

const { ConfigError, InputError, OutcomeUnknownError, PortalClient, PortalError, PublishReport, PublishRequest } = esm;
const { SimulatedPortal } = esmTesting;
const MODES = { portalPublishing: 'publish', contactNotification: 'do_not_notify' };

let portal;
beforeEach(async () => {
  portal = await SimulatedPortal.start({ files: { 37: [1, 2], 38: [4, 5], 39: [6] } });
});
afterEach(() => portal.close());

describe('modules', () => {
  test('ESM and CommonJS are one implementation', () => {
    const require = createRequire(import.meta.url);
    for (const [name, module] of [['addepar-portal', esm], ['addepar-portal/testing', esmTesting]]) {
      const names = Object.keys(module).filter((key) => key !== 'default' && key !== 'module.exports');
      assert.deepEqual(names.toSorted(), Object.keys(require(name)).toSorted());
      assert.ok(names.every((key) => module[key] === require(name)[key]));
    }
  });
});

describe('ids', () => {
  const accepted = {
    'an array': [37, 38],
    'a Set': new Set([37, 38]),
    strings: ['37', '0038'],
    bigints: [37n, 38n],
    'all three at once': [37, '38'],
    'an Int32Array': Int32Array.of(37, 38),
    'a Float64Array': Float64Array.of(37, 38),
    'a BigInt64Array': BigInt64Array.of(37n, 38n),
    'the values of a Set': () => new Set([37, 38]).values(),
    'the keys of a Map': () => new Map([[37, 1], [38, 2]]).keys(),
    'a generator': () => (function* () { yield* [37, '38']; })(),
  };
  for (const [name, ids] of Object.entries(accepted)) {
    test(`${name}: accepted`, () => {
      const given = typeof ids === 'function' ? ids() : ids;
      assert.deepEqual(new PublishRequest(given, MODES).fileIds, [37, 38]);
    });
  }

  const refused = {
    'a string': ['37', 'string'],
    bytes: [Buffer.from('37'), 'Buffer'],
    'an object': [{ 37: true }, 'Object'],
    'a Map': [new Map([[37, 38]]), '`fileIds` must be a list of ids, not a Map: pass its keys'],
    'the pairs of a Map': [new Map([[37, 38]]).entries(), 'fileIds[0] is [ 37, 38 ]'],
    'the characters of a string': ['37'[Symbol.iterator](), 'must be a list of ids, not Object [String Iterator] {}.'],
    'a text that can be asked for more': [Object.assign(Object('37'), { next: () => ({ done: true }) }), 'String'],
    'the bytes of a buffer': [Buffer.from('37').values(), 'must be a list of ids, not an iterator over one: pass the list itself'],
    'the values of a Float32Array': [Float32Array.of(16_777_217).values(), 'must be a list of ids, not an iterator over one'],
    'an asynchronous generator': [(async function* () { yield 37; })(), 'must be a list of ids, not what has to be awaited: read it into an array with `for await`.'],
    'an iterable with named fields': [{ keys: () => ['a'], *[Symbol.iterator]() { yield 37; } }, 'Object'],
    'a Float32Array': [
      Float32Array.of(16_777_217),
      '`fileIds` must be a list of exact ids, not a Float32Array, which rounds large ids to other ids: use a Float64Array or an array. Nothing was sent.',
    ],
    'a Float32Array of small ids': [Float32Array.of(37), 'Float32Array'],
    'half of a Float32Array': [new Float32Array(2).subarray(0, 1), 'Float32Array'],
    null: [null, 'null'],
    'one number': [37, 'number'],
    // eslint-disable-next-line no-sparse-arrays
    'a hole': [[37, , 38], 'fileIds[1] is undefined'],
    'a fraction in a typed array': [Float64Array.of(37, 1.5), 'fileIds[1] is 1.5'],
    'an unsafe integer': [[2 ** 53], '9007199254740992'],
    'a huge number': [[1e300], '1000000000000000052504760255204420248704'],
    'a lone surrogate': [['\ud800'], 'fileIds[0]'],
    'a number and its text': [[37, '037'], 'repeats 37'],
  };
  for (const [name, [ids, part]] of Object.entries(refused)) {
    test(`${name}: refused, and nothing is sent`, async () => {
      const message = new RegExp(part.replaceAll(/[[\].]/g, String.raw`\$&`));
      await assert.rejects(portal.client().publishFiles(ids, MODES), { name: 'InputError', code: 'ERR_INPUT', message });
      assert.equal(portal.requests.length, 0);
    });
  }
});

test('the advice for a repeated id leaves each once, however it was written', () => {
  for (const ids of [['37', 37, 38], [37n, 37, 38], [38, '037', 37, 37n], new Set([37, '37', 38]), BigInt64Array.of(37n, 37n, 38n)]) {
    let message = '';
    assert.throws(() => new PublishRequest(ids, MODES), (error) => (message = error.message) !== '');
    const [, advice] = /`(\[\.\.\.[^`]*)` has each once/.exec(message);
    const { fileIds } = new PublishRequest(runInThisContext(`(ids) => ${advice}`)(ids), MODES);
    assert.deepEqual(fileIds.toSorted(), [37, 38]);
  }
});

describe('an iterator of ids', () => {
  test('is read up to the first that is too many', () => {
    let read = 0;
    let closed = false;
    function* all() {
      try {
        for (;;) yield (read += 1);
      } finally {
        closed = true;
      }
    }
    assert.throws(() => new PublishRequest(all(), MODES), { name: 'InputError', message: /500/ });
    assert.deepEqual([read, closed], [501, true]);
  });

  test('may have any number of ids for a batch', async () => {
    function* ids(count) {
      for (let id = 1; id <= count; id += 1) yield id;
    }
    const journal = join(mkdtempSync(join(tmpdir(), 'addepar-portal-')), 'run.jsonl');
    const all = await SimulatedPortal.start();
    const report = await all.client().publishBatch(ids(600), { ...MODES, journal });
    assert.equal(report.counts.ok, 600);
    await all.close();
  });

  test('passes on what its own code throws', async () => {
    const broken = new Error('the database is gone');
    // eslint-disable-next-line require-yield
    function* failing() {
      throw broken;
    }
    await assert.rejects(portal.client().publishFiles(failing(), MODES), (error) => error === broken);
    assert.equal(portal.requests.length, 0);
  });
});

describe('options', () => {
  test('modes in any case', () => {
    const request = new PublishRequest([37], { portalPublishing: 'PUBLISH', contactNotification: 'Do_Not_Notify' });
    assert.equal(request.portalPublishing, 'publish');
    assert.equal(request.contactNotification, 'do_not_notify');
    assert.equal(request.toJSON().data.attributes.contact_notification, 'DO_NOT_NOTIFY');
  });

  const refused = [
    [undefined, /^`portalPublishing` must be one of do_not_publish, use_contact_preference, publish, not undefined\. Nothing was sent\.$/],
    [{ portalPublishing: 'publish' }, /^`contactNotification` must be one of do_not_notify, use_contact_preference, notify, not undefined\./],
    [{ ...MODES, portalPublishing: null }, /^`portalPublishing` must be one of .*, not null\./],
    [{ ...MODES, contactNotification: ['notify'] }, /`contactNotification` must be one of/],
    [{ ...MODES, contactNotifcation: 'notify' }, /`contactNotifcation` is not an option of `publishFiles`\. Did you mean `contactNotification`\? Its options are /],
    [{ ...MODES, publishOverrideContactIds: '23' }, /`publishOverrideContactIds` must be a list of ids, not "23" \(string\)\. Write \["23"\]\./],
    [{ ...MODES, signal: {} }, /`signal` must be an AbortSignal, not \{\} \(Object\)\. Nothing was sent\.$/],
    [{ ...MODES, client: null }, /`client` must be a PortalClient, not null/],
  ];
  for (const [options, message] of refused) {
    test(`${inspect(options)}: a rejection, not an exception`, async () => {
      const promise = esm.publishFiles([37], Object.assign({ client: portal.client() }, options));
      await assert.rejects(promise, { name: 'InputError', message });
      assert.equal(portal.requests.length, 0);
    });
  }

  test('a setting that does not exist, or of another type', () => {
    const half = { keySecret: '\ud800' };
    assert.throws(() => portal.client(half), { code: 'ERR_CONFIG', message: /`keySecret` must be a string, not text with half of a/ });
    assert.throws(() => portal.client({ timeout: 90 }), { name: 'ConfigError', message: /`timeout` is not an option of `PortalClient`\. Did you mean `timeoutMs`\?/ });
    assert.throws(() => portal.client({ timeoutMs: '90' }), { code: 'ERR_CONFIG', message: /`timeoutMs` must be a number of milliseconds, not "90" \(string\)\. Nothing was sent\.$/ });
  });

  test('the environment, as process.env has it now', async () => {
    const saved = { ...process.env };
    try {
      Object.assign(process.env, portal.environ());
      assert.ok((await esm.publishFiles([37], MODES)).ok);
    } finally {
      process.env = saved;
    }
  });

  test('a test run cannot reach Addepar', () => {
    const options = { firmName: 'examplefirm', firmId: '1', keyId: 'k', keySecret: 's' };
    assert.throws(() => new PortalClient(options), { name: 'ConfigError', message: /NODE_TEST_CONTEXT/ });
  });
});

describe('report', () => {
  test('a partial failure is a result', async () => {
    portal.failPublish(38, [4, 5]);
    const report = await portal.client().publishFiles([38, 37], MODES);
    assert.equal(report.ok, false);
    assert.deepEqual([...report].map(({ fileId, state }) => [fileId, state]), [[38, 'failed'], [37, 'ok']]);
    assert.deepEqual(report.failed, report.notPublished);
    assert.deepEqual(report.file(38).contactsNotPublished, [4, 5]);
    assert.deepEqual(report.file(37).contactsNotPublished, []);
    assert.deepEqual(report.failedContacts().contacts.get(4), [{ fileId: 38, step: 'publish' }]);
    for (const id of [37, '37', '0037', 37n]) {
      assert.equal(report.file(id).fileId, 37);
    }
    for (const none of [99, '0x25', '0b100101', '3.7e1', '37.0', ' 37', '37\n', '+37', '\uff13\uff17', '', [37], true, null, 37.5, Number.NaN, { valueOf: () => 37 }, Symbol('37'), new Date(37)]) {
      assert.throws(() => report.file(none), { name: 'RangeError', message: /was not part of this request/ }, inspect(none));
    }
    const [attempt] = report.attempts;
    assert.ok(attempt.sentAt instanceof Date && attempt.sentAt <= attempt.answeredAt);
    assert.ok(attempt.elapsedMs > 0);
    assert.equal(attempt.outcome, 'processed');
    assert.throws(() => report.raiseForFailures(), { code: 'ERR_PUBLISH_FAILURES', outcome: 'processed', report });
    assert.match(inspect(report), /^PublishReport: 1 ok, 1 failed .*\n +38 +failed .*contacts \[4,5\]/);
  });

  test('its JSON can be read back', async () => {
    portal.failNotify(37, [1]);
    const report = await portal.client().publishFiles([37, 38], { ...MODES, contactNotification: 'notify' });
    for (const json of [JSON.stringify(report), report.toJSON()]) {
      const copy = PublishReport.fromJSON(json);
      assert.deepEqual(copy.toJSON(), report.toJSON());
      assert.deepEqual(copy.files, report.files);
    }
    assert.throws(() => PublishReport.fromJSON('{}'), InputError);
    for (const [changed, words] of [
      ['hagn', 'it must be JSON, and is not at column 1.'],
      [{ ...report.toJSON(), files: 3 }, '`files` must be a list, not 3.'],
      [{ ...report.toJSON(), attempts: [{}] }, '`attempts[0].sent_at` is missing.'],
    ]) {
      assert.throws(() => PublishReport.fromJSON(changed), { message: `This is not the JSON of a report: ${words}` });
    }
  });

  test('a body is read without any network', () => {
    const request = new PublishRequest([37], MODES);
    const body = '{"data":[{"id":"37","attributes":{"publish_status":"success","notify_status":"odd"}}]}';
    for (const form of [body, Buffer.from(body)]) {
      const file = PublishReport.fromResponse(request, form).file(37);
      assert.deepEqual([file.state, file.published, file.notified, file.notifyStatus], ['unknown', true, null, 'odd']);
    }
    assert.throws(() => PublishReport.fromResponse(request, '[[['), { code: 'ERR_OUTCOME_UNKNOWN', fileIds: [37] });
  });

  for (const first of [1, 2 ** 52]) {
    test(`every file of an answer that says much, from ${first} on`, () => {
      const errors = (id) => [
        { code: 'publish_failed', title: null, detail: `Publish failed for contacts [${id},${id + 1}].` },
        { detail: `Of file ${id} nobody can tell.` },
      ];
      const data = Array.from({ length: 60 }, (_, index) => ({
        id: String(first + index),
        attributes: { publish_status: 'fail', notify_status: `odd ${index}`, error: errors(first + index) },
      }));
      const request = new PublishRequest(data.map(({ id }) => id), MODES);
      const { files } = PublishReport.fromResponse(request, JSON.stringify({ data }));
      assert.equal(files.length, data.length);
      for (const [index, file] of files.entries()) {
        const [readable, unreadable] = errors(file.fileId);
        assert.deepEqual(file, {
          fileId: first + index,
          state: 'failed',
          published: false,
          notified: null,
          publishStatus: 'fail',
          notifyStatus: `odd ${index}`,
          errors: [
            { ...readable, contactIds: [file.fileId, file.fileId + 1] },
            { code: null, title: null, detail: unreadable.detail, contactIds: null },
          ],
          contactsNotPublished: null,
          contactsNotNotified: null,
          decision: null,
          reason: null,
          portfolioName: null,
        });
      }
    });
  }

  for (const [modes, steps] of [
    [{ portalPublishing: 'publish', contactNotification: 'notify' }, [true, true]],
    [{ portalPublishing: 'publish', contactNotification: 'do_not_notify' }, [true, null]],
    [{ portalPublishing: 'do_not_publish', contactNotification: 'notify' }, [null, true]],
    [{ portalPublishing: 'do_not_publish', contactNotification: 'do_not_notify', publishOverrideContactIds: [23] }, [true, null]],
    [{ portalPublishing: 'do_not_publish', contactNotification: 'do_not_notify' }, [null, null]],
  ]) {
    test(`what is said of steps with ${inspect(modes, { breakLength: Infinity })}`, () => {
      const row = (id, status) => ({ id: String(id), attributes: { publish_status: status, notify_status: status } });
      const data = [row(37, 'success'), row(38, 'fail'), row(39, 'success')];
      const report = PublishReport.fromResponse(new PublishRequest([37, 38, 39], modes), JSON.stringify({ data }));
      const failed = steps.map((step) => step && false);
      const answers = report.files.map(({ published, notified }) => [published, notified]);
      assert.deepEqual(answers, [steps, failed, steps]);
      assert.deepEqual(report.toJSON().files.map(({ published, notified }) => [published, notified]), answers);
      assert.deepEqual(report.notPublished.length + report.notNotified.length, failed.filter((step) => step === false).length);
    });
  }

  test('what stands beside the results', () => {
    const row = { id: '37', attributes: { file_id: 37, publish_status: 'success', notify_status: 'success' } };
    const request = new PublishRequest([37, 38], MODES);
    const body = { data: [row], errors: [{ code: 'cut', detail: 'Cut short.' }], links: { next: '/v1/more' } };
    const report = PublishReport.fromResponse(request, JSON.stringify(body));
    assert.deepEqual(report.errors, [{ status: null, code: 'cut', title: null, detail: 'Cut short.', source: null }]);
    const reason = 'The answer was read without a network.';
    assert.deepEqual(report.unreadPages, [{ link: '/v1/more', httpStatus: null, reason, raw: '' }]);
    assert.equal(report.nextLink, '/v1/more');
    const beside = 'The answer has errors beside its results: Cut short.';
    const leftOut = `The answer has no result for it, and its next page was not read. ${reason} ${beside}`;
    assert.deepEqual(report.files.map((file) => [file.state, file.reason]), [['unknown', beside], ['unknown', leftOut]]);
    for (const value of [report.errors, report.errors[0], report.unreadPages, report.unreadPages[0]]) {
      assert.ok(Object.isFrozen(value));
    }
    assert.match(String(report), /further results were not read: \/v1\/more/);
    assert.throws(() => report.raiseForFailures(), { name: 'PublishFailuresError', errors: report.errors });
  });

  test('half of a surrogate pair spoils one text and not the answer', () => {
    for (const half of [String.raw`\ud83d`, '\ud83d', String.raw`\udc00`, '\udc00']) {
      const body = `{"data":[{"id":"37","attributes":{"publish_status":"fail","error":"${half} for contacts [4]."}}]}`;
      const { errors } = PublishReport.fromResponse(new PublishRequest([37], MODES), body).file(37);
      assert.deepEqual(errors.map(({ detail, contactIds }) => [detail, contactIds]), [['\ufffd for contacts [4].', [4]]]);
    }
  });

  test('the JSON of an earlier version is read', async () => {
    const { errors: _errors, unread_pages: _unread, ...old } = (await portal.client().publishFiles([37, 38], MODES)).toJSON();
    for (const file of old.files) delete file.reason;
    const report = PublishReport.fromJSON({ ...old, next_link: '/v1/more' });
    assert.deepEqual([report.ok, report.errors, report.nextLink, report.file(37).reason], [true, [], '/v1/more', null]);
  });

  test('nothing of it can be changed', async () => {
    portal.failPublish(38, [4, 5]);
    const report = await portal.client().publishFiles([37, 38], MODES);
    const { request, files, attempts } = report;
    const [failure] = files[1].errors;
    for (const value of [report, request, request.fileIds, files, files[1].errors, failure, failure.contactIds, attempts]) {
      assert.ok(Object.isFrozen(value), inspect(value));
    }
    assert.equal(report.files, files);
  });

  test('500 files', async () => {
    const all = await SimulatedPortal.start();
    const ids = Array.from({ length: 500 }, (_, index) => 1000 + index);
    const report = await all.client().publishFiles(ids, MODES);
    assert.ok(report.ok);
    assert.deepEqual(report.files.map((file) => file.fileId), ids);
    await all.close();
  });
});

async function publishHere(options) {
  return await portal.client().publishFiles([37], { ...MODES, ...options });
}

describe('errors', () => {
  for (const options of [{}, { signal: new AbortController().signal }]) {
    test(`shape, class and the caller's line with ${inspect(options, { depth: 0 })}`, async () => {
      portal.nextFault('status:503');
      const error = await publishHere(options).catch((reason) => reason);
      assert.ok(error instanceof OutcomeUnknownError && error instanceof PortalError && error instanceof Error);
      assert.equal(error.name, 'OutcomeUnknownError');
      const { code, outcome, httpStatus, phase, fileIds } = error;
      assert.deepEqual(
        { code, outcome, httpStatus, phase, fileIds },
        { code: 'ERR_OUTCOME_UNKNOWN', outcome: 'unknown', httpStatus: 503, phase: 'reading_answer', fileIds: [37] },
      );
      assert.ok(error.elapsedMs > 0);
      assert.ok(Array.isArray(error.errors));
      assert.equal(error.report.file(37).state, 'unknown');
      assert.ok(!('status' in error) && !('statusCode' in error));
      assert.match(error.stack, /at async publishHere .*facade\.test\.mjs/);
      const json = error.toJSON();
      assert.equal(json.name, 'OutcomeUnknownError');
      assert.deepEqual(json.file_ids, [37]);
      assert.equal(json.report.files[0].state, 'unknown');
    });
  }

  test('failed contacts survive JSON', async () => {
    portal.failNotify(37, [1]);
    const report = await portal.client().publishFiles([37], { ...MODES, contactNotification: 'notify' });
    assert.equal(JSON.stringify(report.failedContacts()), '{"contacts":{"1":[[37,"notify"]]},"unreadable":[]}');
  });

  test('a rate limit says how long to wait', async () => {
    portal.nextFault('rate_limited', { retryAfter: '3600' });
    const error = await publishHere().catch((reason) => reason);
    assert.equal(error.name, 'RateLimitedError');
    assert.ok(error instanceof esm.RejectedError);
    assert.equal(error.retryAfterMs, 3_600_000);
    assert.match(error.message, /It asks to wait 3600000 ms, .* Wait that long, then publish the files again\.$/);
  });

  test('they can be made for the tests of a caller', () => {
    const error = new esm.RateLimitedError({ code: 'ERR_RATE_LIMITED', message: 'Wait.', retry_after: 2 });
    assert.deepEqual([error.name, error.retryAfterMs, error.outcome], ['RateLimitedError', 2000, 'unknown']);
  });

  test('a client from before a test run is stopped as well', async () => {
    const names = ['NODE_TEST_CONTEXT', 'VITEST', 'JEST_WORKER_ID', 'PYTEST_CURRENT_TEST'];
    const before = names.map((name) => [name, process.env[name]]);
    for (const name of names) delete process.env[name];
    const client = portal.client({ baseUrl: 'https://portal.invalid' });
    process.env.VITEST = 'true';
    try {
      await assert.rejects(client.publishFiles([37], MODES), { code: 'ERR_CONFIG', message: /VITEST/ });
    } finally {
      delete process.env.VITEST;
      for (const [name, value] of before) if (value !== undefined) process.env[name] = value;
    }
  });

  test('an access token that cannot be had', async () => {
    const reason = new Error('the vault is sealed');
    const client = portal.client({
      accessToken: () => {
        throw reason;
      },
    });
    const error = await client.publishFiles([37], MODES).catch((thrown) => thrown);
    assert.ok(error instanceof ConfigError);
    assert.equal(error.cause, reason);
    assert.doesNotMatch(error.message, /the vault is sealed/, 'the words of the callable may hold a secret');
    assert.equal(error.report.file(37).state, 'not_processed');
    const nothing = portal.client({ accessToken: () => undefined });
    await assert.rejects(nothing.publishFiles([37], MODES), { code: 'ERR_CONFIG', message: /`accessToken` must return a string, not undefined\./ });
    assert.equal(portal.requests.length, 0);
  });

  test('an access token is asked for once more after a 401', async () => {
    const tokens = ['expired', 'simulated-token'];
    const client = portal.client({ accessToken: async () => tokens.shift() });
    assert.ok((await client.publishFiles([37], MODES)).ok);
    assert.deepEqual(portal.requests.map(({ authorized }) => authorized), [false, true]);
  });
});

test('a method that was taken off its client, and a clone of a client, say so', async () => {
  const client = portal.client();
  const methods = {
    publishFiles: [[37], MODES],
    publishBatch: [[37], { ...MODES, journal: 'run.jsonl' }],
    resume: ['run.jsonl'],
    generatedReport: ['job'],
    generatedReports: [],
  };
  for (const [name, given] of Object.entries(methods)) {
    const method = client[name];
    for (const owner of [undefined, structuredClone(client)]) {
      await assert.rejects(method.apply(owner, given), (error) => {
        assert.ok(error instanceof TypeError, error);
        assert.match(error.message, new RegExp(`^\`${name}\` must be called on a PortalClient, not .* Call it as \`client\\.${name}\\(…\\)\`; .*\\. Nothing was sent\\.$`));
        return true;
      });
    }
  }
  await assert.rejects(esm.publishFiles([37], { ...MODES, client: structuredClone(client) }), InputError);
  assert.equal(portal.requests.length, 0);
});

for (const { about, file_ids, body, text } of JSON.parse(readFileSync(new URL('../texts/failed_contacts.json', import.meta.url), 'utf8'))) {
  test(`failed contacts as a text are as in Python: ${about}`, () => {
    const report = PublishReport.fromResponse(new PublishRequest(file_ids, { portalPublishing: 'publish', contactNotification: 'notify' }), JSON.stringify(body));
    const failed = report.failedContacts();
    assert.deepEqual(`${failed}`.split('\n'), text);
    assert.deepEqual(Object.keys(failed), ['contacts', 'unreadable']);
  });
}

test('what has a class, and progress, is readable as a text', async () => {
  const client = portal.client();
  const texts = [];
  const journal = join(mkdtempSync(join(tmpdir(), 'addepar-portal-')), 'run.jsonl');
  await client.publishBatch([37, 38], { ...MODES, journal, onProgress: (progress) => texts.push(`${progress}`) });
  const modes = `portalPublishing: '${MODES.portalPublishing}', contactNotification: '${MODES.contactNotification}'`;
  assert.equal(`${new PublishRequest([37, 38, 39, 40, 41, 42], MODES)}`, `PublishRequest { fileIds: [ 37, 38, 39, 40, 41, ... 1 more item ], ${modes}, publishOverrideContactIds: [] }`);
  assert.equal(`${client}`, `PortalClient { baseUrl: '${client.baseUrl}', firmId: '${client.firmId}' }`);
  assert.equal(`${portal}`, `SimulatedPortal { baseUrl: '${portal.baseUrl}' }`);
  assert.equal(texts[0], 'Progress { total: 2, succeeded: 0, failed: 0, unknown: 0, chunk: 1, chunks: 1, notProcessed: 2, waitingMs: null }');
  for (const [text, shown] of [[`${client}`, client], [`${portal}`, portal]]) assert.equal(inspect(shown), text);
});

test('a batch of none says how many it takes', async () => {
  const none = portal.client().publishBatch([], { ...MODES, journal: 'run.jsonl' });
  await assert.rejects(none, { message: '`fileIds` must name one file or more, not none. Nothing was sent.' });
  await assert.rejects(portal.client().publishFiles([], MODES), /from 1 to 500 files, not none/);
});

test('no secret in anything that is shown', async () => {
  const secrets = { keyId: 'simulated-key', keySecret: 'simulated-secret' };
  const client = portal.client(secrets);
  const report = await client.publishFiles([37], MODES);
  portal.nextFault('status:500');
  const unknown = await client.publishFiles([37], MODES).catch((error) => error);
  const token = portal.client({ accessToken: 'not-a-known-token' });
  const refused = await token.publishFiles([37], MODES).catch((error) => error);
  const badToken = await portal.client({ accessToken: async () => 'has a space not-a-known-token' })
    .publishFiles([37], MODES)
    .catch((error) => error);
  for (const value of [client, token, report, unknown, refused, badToken]) {
    const shown = [inspect(value, { depth: null, showHidden: true }), String(value), JSON.stringify(value), value.stack];
    assert.doesNotMatch(shown.join('\n'), /simulated-secret|not-a-known-token/);
  }
});
