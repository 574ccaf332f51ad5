// What errors show in a log, and what of them and of reports crosses to another thread.

import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { inspect } from 'node:util';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';

import * as addepar from 'addepar-portal';
import { AlreadySentError, ConnectError, initJournalDir, InputError, isPortalError, Journal, JournalError, OutcomeUnknownError, PortalError, PublishReport, RateLimitedError } from 'addepar-portal';
import { SimulatedPortal } from 'addepar-portal/testing';

import { load, skip } from './frameworks.mjs';
import { posted } from './script.mjs';

const MODES = { portalPublishing: 'publish', contactNotification: 'do_not_notify' };
const FILES = Array.from({ length: 2300 }, (_, index) => 1_000_000 + index);

let portal;
let journal;
beforeEach(async () => {
  portal = await SimulatedPortal.start();
  journal = join(mkdtempSync(join(tmpdir(), 'addepar-portal-')), 'run.jsonl');
});
afterEach(() => portal.close());

/** The error of a batch whose second chunk is unknown. */
async function lost() {
  // The first answer is as ever.
  portal.control('faults', { faults: ['stray_bytes', 'status:503'] });
  return await portal.client().publishBatch(FILES, { ...MODES, journal }).catch((error) => error);
}

test('an error about many files is short wherever it is shown, and says how many there are', async () => {
  const error = await lost();
  assert.ok(error instanceof OutcomeUnknownError);
  const json = JSON.stringify({ error });
  for (const shown of [json, inspect(error).replace(error.stack, '')]) {
    assert.ok(shown.length < 2500, `${shown.length}: ${shown}`);
  }
  const { error: summary } = JSON.parse(json);
  assert.deepEqual(summary.counts, { total: 2300, ok: 100, failed: 0, unknown: 100, notProcessed: 2100, undecided: 100 });
  assert.deepEqual(summary.firstFileIds, FILES.slice(100, 120));
  assert.deepEqual(summary.unknownFileIds, FILES.slice(100, 200));
  assert.deepEqual([summary.name, summary.message, summary.journal], [error.name, error.message, journal]);
});

test('an error has the same names and values in JSON, on the console and in pino', { skip }, async () => {
  const { default: pino } = await load('pino');
  const error = await lost();
  const own = Object.fromEntries(Object.entries(error));
  const { unknownFileIds, ...json } = JSON.parse(JSON.stringify(error));
  assert.deepEqual(json, { name: error.name, message: error.message, ...own });
  assert.deepEqual(unknownFileIds, error.fileIds);
  const lines = [];
  pino({}, { write: (line) => lines.push(JSON.parse(line)) }).error(error);
  const { type, message, stack: _stack, aggregateErrors, name, ...fields } = lines[0].err;
  assert.deepEqual([type, name, message, aggregateErrors], [error.name, error.name, error.message, error.errors]);
  assert.deepEqual(fields, own);
  const shown = inspect(error).replace(error.stack, '');
  const names = shown.split('\n').flatMap((line) => /^ {2}(\w+):/.exec(line)?.[1] ?? []);
  assert.deepEqual(names, Object.keys(own));
  assert.deepEqual(Object.keys(own), ['code', 'outcome', 'httpStatus', 'requestId', 'elapsedMs', 'errors', 'journal', 'counts', 'firstFileIds', 'phase']);
});

test('an error has every file in its report, its lists and its plain data', async () => {
  const error = await lost();
  assert.deepEqual([error.report.files.length, error.fileIds.length, error.undecided.length], [2300, 100, 100]);
  assert.ok(Object.isFrozen(error.fileIds) && Object.isFrozen(error.undecided));
  const { port1, port2 } = new MessageChannel();
  port1.postMessage({ plain: error.toJSON(), cloned: structuredClone(error.toJSON()) });
  const { plain, cloned } = receiveMessageOnPort(port2).message;
  port1.close();
  assert.deepEqual([plain, cloned], [error.toJSON(), error.toJSON()]);
  assert.deepEqual([plain.file_ids, plain.undecided], [error.fileIds, error.undecided]);
  const again = new OutcomeUnknownError(plain, PublishReport.fromJSON(plain.report));
  assert.deepEqual(again.toJSON(), error.toJSON());
  assert.deepEqual(JSON.stringify(again), JSON.stringify(error));
});

test('an error is made again of its JSON, with its report and its name', async () => {
  const error = await lost();
  const json = JSON.parse(JSON.stringify(error.toJSON()));
  for (const again of [new OutcomeUnknownError(json), PortalError.fromJSON(json), PortalError.fromJSON(JSON.stringify(json))]) {
    assert.ok(again instanceof OutcomeUnknownError && isPortalError(again));
    assert.deepEqual([again.toJSON(), again.counts, again.report], [error.toJSON(), error.counts, error.report]);
    assert.deepEqual(JSON.stringify(again), JSON.stringify(error));
  }
  // A report that is given is not looked for.
  const { report } = new Journal(journal);
  assert.equal(new OutcomeUnknownError(json, report).report, report);
  assert.deepEqual(new OutcomeUnknownError({ report: json.report }).fileIds, FILES.slice(100, 200));
  assert.throws(() => PortalError.fromJSON({ ...json, report: { no: 'report' } }), InputError);
  assert.throws(() => PortalError.fromJSON(JSON.stringify({ e: error })), TypeError);
  assert.throws(() => PortalError.fromJSON(JSON.parse(JSON.stringify({ e: error })).e), { name: 'TypeError', message: /keep `error\.toJSON\(\)`/ });
});

test('an error that a signal caused keeps its name when it is made again', async () => {
  portal.control('hold');
  const stop = new AbortController();
  const call = portal.client().publishFiles([37], { ...MODES, signal: stop.signal }).catch((error) => error);
  await posted(portal, 1);
  stop.abort();
  const error = await call;
  assert.deepEqual([error.name, error.code], ['AbortError', 'ERR_OUTCOME_UNKNOWN']);
  for (const again of [new OutcomeUnknownError(error.toJSON()), PortalError.fromJSON(error.toJSON())]) {
    assert.deepEqual(again.toJSON(), error.toJSON());
    assert.deepEqual(Object.keys(again), Object.keys(error));
  }
});

test('an error of each class is made again of its JSON by its code, and by no class with another code', () => {
  const classes = Object.values(addepar).filter((Class) => typeof Class.code === 'string' && Class.code !== '');
  assert.equal(classes.length, 12);
  for (const Class of classes) {
    const error = new Class({ message: 'lost', file_ids: [37] });
    const again = PortalError.fromJSON(JSON.stringify(error.toJSON()));
    assert.ok(again.constructor === Class && isPortalError(again), Class.name);
    assert.deepEqual([again.toJSON(), new Class(error.toJSON()).toJSON()], [error.toJSON(), error.toJSON()]);
    for (const Other of [PortalError, ...classes]) {
      if (Other === Class) continue;
      const refused = { name: 'TypeError', message: new RegExp(`^\`code\` must be \\S.* for ${Other.name}, not "${Class.code}".*\`new ${Class.name}\\(`) };
      assert.throws(() => new Other({ code: Class.code }), refused);
    }
  }
  assert.throws(() => new ConnectError({ code: 'ERR_OF_NOBODY' }), { message: '`code` must be ERR_CONNECT for ConnectError, not "ERR_OF_NOBODY" (string).' });
  for (const init of [{ code: undefined }, {}, 'lost', undefined, null]) assert.equal(new ConnectError(init).code, 'ERR_CONNECT');
  assert.equal(new PortalError(new PortalError('of no kind').toJSON()).message, 'of no kind');
  for (const json of [null, undefined, 37, [], {}, { code: 'ERR_OF_NOBODY' }, { code: '' }, 'null', '37']) {
    assert.throws(() => PortalError.fromJSON(json), { name: 'TypeError', message: /^`json` must be what `error\.toJSON\(\)` gave/ });
  }
});

test('an error of files that were sent before names them all, and what became of each', async () => {
  const journalDir = join(mkdtempSync(join(tmpdir(), 'addepar-portal-')), 'journals');
  initJournalDir(journalDir);
  const client = portal.client({ journalDir });
  await client.publishFiles([37, 38], MODES);
  const error = await client.publishFiles([38, 37, 39], MODES).catch((thrown) => thrown);
  assert.ok(error instanceof AlreadySentError);
  assert.deepEqual([error.code, error.outcome, error.fileIds, error.firstFileIds], ['ERR_ALREADY_SENT', 'processed', [38, 37], [38, 37]]);
  assert.deepEqual(error.report.files.map(({ state }) => state), ['ok', 'ok', 'not_processed']);
  const { counts, unknownFileIds } = JSON.parse(JSON.stringify(error));
  assert.deepEqual([counts.notProcessed, unknownFileIds], [1, []]);
});

test('an error says which files were not processed where no outcome is unknown', async () => {
  portal.nextFault('status:403');
  const error = await portal.client().publishFiles([37, 38], MODES).catch((thrown) => thrown);
  assert.deepEqual([error.code, error.firstFileIds, error.counts.notProcessed], ['ERR_PERMISSION_DENIED', [37, 38], 2]);
});

test('an error names the files that its message names, those too that a person decided about', async () => {
  portal.nextFault('status:403');
  await assert.rejects(portal.client().publishBatch([37, 38], { ...MODES, journal }), { code: 'ERR_PERMISSION_DENIED' });
  const found = new Journal(journal);
  found.decide([37], 'published', { by: 'A. Smith' });
  found.decide([38], 'leave', { by: 'A. Smith' });
  const { report } = new Journal(journal);
  assert.deepEqual([report.notProcessed, report.counts.notProcessed, report.files.length], [[], 2, 2]);
  assert.throws(() => report.raiseForFailures(), ({ message, firstFileIds }) => /files 37, 38/.test(message) && assert.deepEqual(firstFileIds, [37, 38]) === undefined);
});

test('the short form of an error says that no error can be made of it', async () => {
  const { e } = JSON.parse(JSON.stringify({ e: await lost() }));
  assert.throws(() => new OutcomeUnknownError(e), { name: 'TypeError', message: /`counts` must be a member of an error.*keep `error\.toJSON\(\)`/ });
});

test('an error that a mock makes without anything has safe values', async () => {
  const error = new OutcomeUnknownError();
  assert.deepEqual([error.code, error.outcome, error.fileIds, error.undecided, error.report, error.phase], ['ERR_OUTCOME_UNKNOWN', 'unknown', [], [], null, null]);
  assert.equal(JSON.parse(JSON.stringify(error)).code, 'ERR_OUTCOME_UNKNOWN');
  assert.match(inspect(error), /OutcomeUnknownError/);
  // A report has the files that nothing else names.
  const { report } = await lost();
  assert.deepEqual(new OutcomeUnknownError('lost', report).fileIds, FILES.slice(100, 200));
  assert.deepEqual(new RateLimitedError().retryAfterMs, null);
});

test('an error that a mock makes has the members that it was given, and no other one is passed over', async () => {
  const members = {
    message: 'lost',
    outcome: 'unknown',
    httpStatus: 503,
    requestId: 'r-1',
    elapsedMs: 1500,
    errors: [{ status: '503', code: null, title: null, detail: null, source: null }],
    phase: 'awaiting_answer',
    fileIds: [37, 38],
    journal: 'run.jsonl',
    undecided: [37],
  };
  const error = new OutcomeUnknownError(members);
  for (const [name, value] of Object.entries(members)) assert.deepEqual(error[name], value, name);
  assert.deepEqual(error.toJSON().elapsed, 1.5);
  assert.equal(new RateLimitedError({ retryAfterMs: 1500 }).retryAfterMs, 1500);
  assert.equal(new JournalError({ reason: 'busy', fileIds: undefined }).reason, 'busy');
  // The name and the report of its JSON are passed over.
  const plain = (await lost()).toJSON();
  assert.deepEqual(new OutcomeUnknownError(plain).fileIds, plain.file_ids);
  const refused = /^TypeError: `fileId` must be a member of an error: one of code, message, outcome, httpStatus, .*, retryAfterMs, fileIds, journal, undecided\.$/;
  assert.throws(() => new OutcomeUnknownError({ fileId: [37] }), (thrown) => refused.test(String(thrown)));
  for (const name of ['toString', '__proto__x', 'counts']) assert.throws(() => new RateLimitedError({ [name]: 1 }), TypeError);
});

test('an error of this package is known as one, and nothing else is', async () => {
  const error = await lost();
  class Mine extends OutcomeUnknownError {}
  for (const own of [error, new OutcomeUnknownError(), new Mine()]) assert.ok(isPortalError(own));
  for (const other of [null, undefined, 'lost', { code: 'ERR_OUTCOME_UNKNOWN' }, new Error('lost'), new PortalError('of no kind')]) {
    assert.ok(!isPortalError(other));
  }
});

test('an error of another copy of the package is one of this package', () => {
  const require = createRequire(import.meta.url);
  const one = require('addepar-portal');
  for (const path of Object.keys(require.cache)) {
    if (path.includes('addepar-portal') && !path.endsWith('.node')) delete require.cache[path];
  }
  const other = require('addepar-portal');
  const error = new other.OutcomeUnknownError();
  assert.ok(!(error instanceof one.PortalError));
  assert.ok(one.isPortalError(error) && other.isPortalError(new one.OutcomeUnknownError()));
});

test('an error without data has its place in a log too', () => {
  const bare = { outcome: 'unknown', httpStatus: null, requestId: null, elapsedMs: null, errors: [], journal: null, counts: null, firstFileIds: [] };
  const none = { unknownFileIds: [] };
  assert.deepEqual(JSON.parse(JSON.stringify(new PortalError('Lost.'))), { name: 'PortalError', message: 'Lost.', code: '', ...bare, ...none });
  const again = new OutcomeUnknownError({ file_ids: [37, 38] });
  assert.deepEqual(JSON.parse(JSON.stringify(again)).unknownFileIds, [37, 38]);
  assert.equal(JSON.parse(JSON.stringify(new RateLimitedError({ retry_after: 1.5 }))).retryAfterMs, 1500);
});

test('a report and whatever else is plain data survives a clone and another thread', async () => {
  portal.failPublish(38, [1]);
  const client = portal.client();
  const report = await client.publishBatch([37, 38], { ...MODES, journal });
  const { port1, port2 } = new MessageChannel();
  const sent = structuredClone(report.toJSON());
  port1.postMessage(sent);
  const received = PublishReport.fromJSON(receiveMessageOnPort(port2).message);
  port1.close();
  assert.deepEqual(received, report);
  assert.deepEqual(received.counts, { total: 2, ok: 1, failed: 1, unknown: 0, notProcessed: 0, undecided: 0 });
  assert.deepEqual(structuredClone(report).files, report.files);
  assert.deepEqual(structuredClone(report.failedContacts()).contacts, report.failedContacts().contacts);
});
