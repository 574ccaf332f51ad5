// Between an answer and its caller nothing can fail, whatever a program has patched; and what is handed over stays as it is.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { getEventListeners } from 'node:events';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect, isDeepStrictEqual } from 'node:util';

import * as errors from 'addepar-portal';
import { Journal, OutcomeUnknownError, PortalClient, PortalError, PublishReport, PublishRequest } from 'addepar-portal';

import { SimulatedPortal } from 'addepar-portal/testing';

import { posted, until } from './script.mjs';

const require = createRequire(import.meta.url);
const MODES = { portalPublishing: 'publish', contactNotification: 'notify' };

let portal;
beforeEach(async () => {
  portal = await SimulatedPortal.start({ files: { 37: [1, 2], 38: [4, 5], 39: [6] } });
});
afterEach(() => portal.close());

function fail() {
  throw new Error('broken');
}

/** What a program may have changed by the time an answer comes; each returns how to undo it. */
const PATCHES = {
  'JSON.parse': () => patched(JSON, 'parse', fail),
  'JSON.stringify': () => patched(JSON, 'stringify', fail),
  'Error.prepareStackTrace': () => patched(Error, 'prepareStackTrace', fail),
  'process.emitWarning': () => patched(process, 'emitWarning', fail),
};

function patched(object, name, value) {
  const before = Object.getOwnPropertyDescriptor(object, name);
  object[name] = value;
  return () => (before ? Object.defineProperty(object, name, before) : delete object[name]);
}

for (const [name, patch] of Object.entries(PATCHES)) {
  test(`an outcome is handed over although ${name} throws`, async () => {
    const client = portal.client();
    portal.control('faults', { faults: ['close_idle', 'status:503', 'hang'] });
    const controller = new AbortController();
    let report;
    let unknown;
    let dropped;
    const undo = patch();
    try {
      report = await client.publishFiles([37], MODES);
      unknown = await client.publishFiles([37], MODES).catch((error) => error);
      const call = client.publishFiles([38], { ...MODES, signal: controller.signal }).catch((error) => error);
      undo();
      await posted(portal, 3);
      patch();
      controller.abort();
      dropped = await call;
      assert.equal(report.file(37).state, 'ok');
      assert.equal(report.attempts.length, 1);
    } finally {
      undo();
    }
    for (const error of [unknown, dropped]) {
      assert.ok(error instanceof OutcomeUnknownError);
      assert.equal(error.report.files[0].state, 'unknown');
    }
    assert.deepEqual(unknown.fileIds, [37]);
    assert.equal(dropped.name, 'AbortError');
  });
}

test('a signal that fails costs nobody the outcome and ends no process', async () => {
  class Signal extends EventTarget {
    aborted = false;
    get reason() {
      return fail();
    }
    throwIfAborted() {}
    removeEventListener() {
      fail();
    }
  }
  const client = portal.client();
  assert.ok((await client.publishFiles([37], { ...MODES, signal: new Signal() })).ok);
  const folder = await mkdtemp(join(tmpdir(), 'addepar-portal-'));
  const { signal: dropSignal } = new AbortController();
  const batch = { ...MODES, journal: join(folder, 'run.jsonl'), signal: new Signal(), dropSignal };
  assert.ok((await client.publishBatch([38], batch)).ok);
  // The other signal, which may live as long as the program, is left alone all the same.
  await until(() => getEventListeners(dropSignal, 'abort').length === 0);
  await rm(folder, { recursive: true });
  const signal = new Signal();
  portal.nextFault('hang');
  const call = client.publishFiles([37], { ...MODES, signal }).catch((error) => error);
  await posted(portal, 3);
  signal.dispatchEvent(new Event('abort'));
  const error = await call;
  assert.ok(error instanceof OutcomeUnknownError);
  assert.equal(error.cause.message, 'broken');
});

test('a logger whose methods were taken away costs nobody the outcome', async () => {
  const logger = { debug() {}, info() {}, warn() {} };
  const client = portal.client({ logger });
  const warnings = [];
  const collect = ({ message }) => message.startsWith('logger.') && warnings.push(message);
  process.on('warning', collect);
  try {
    for (const [index, info] of [undefined, 'no function', Symbol('info')].entries()) {
      logger.info = info;
      assert.ok((await client.publishFiles([37], MODES)).ok);
      await until(() => warnings.length >= 2 * (index + 1));
    }
    Object.defineProperty(logger, 'info', { get: fail });
    assert.ok((await client.publishFiles([37], MODES)).ok);
  } finally {
    process.off('warning', collect);
  }
  assert.ok(warnings.every((message) => /^logger\.info failed \((Type)?Error\)\. /.test(message)));
});

describe('what is handed over', () => {
  const request = new PublishRequest([37, 38], MODES);
  const read = (...statuses) =>
    PublishReport.fromResponse(
      request,
      JSON.stringify({ data: statuses.map((status, at) => ({ id: `${37 + at}`, attributes: { publish_status: status, notify_status: 'success', error: { detail: `Failed for contacts [${at + 1}]` } } })) }),
    );

  test('reports are equal if what they say is', () => {
    const [report, same, other] = [read('fail', 'fail'), read('fail', 'fail'), read('fail', 'odd')];
    assert.deepStrictEqual(report, same);
    assert.notDeepStrictEqual(report, other);
    assert.ok(!isDeepStrictEqual(new OutcomeUnknownError({}, report), new OutcomeUnknownError({}, other)));
    assert.notDeepStrictEqual(report.request, new PublishRequest([37, 39], MODES));
    assert.notDeepStrictEqual(read(), PublishReport.fromResponse(new PublishRequest([37], MODES), '{"data":[]}'));
  });

  test('a copy for another thread says what the report does', () => {
    const report = read('fail', 'success');
    const copy = structuredClone(report);
    for (const name of ['ok', 'settled', 'undecided', 'files', 'attempts', 'unexpected', 'nextLink', 'raw']) {
      assert.deepEqual(copy[name], report[name], name);
    }
    assert.deepEqual(copy.request.fileIds, [37, 38]);
    const error = new OutcomeUnknownError({ message: 'Lost.', file_ids: [37] }, report);
    const told = structuredClone(error.toJSON());
    assert.deepEqual([told.code, told.file_ids], ['ERR_OUTCOME_UNKNOWN', [37]]);
    assert.deepEqual(PublishReport.fromJSON(told.report), report);
  });

  test('journals are equal if what they say is, and a copy says it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'addepar-portal-'));
    try {
      const path = join(folder, 'run.jsonl');
      portal.nextFault('missing_result', { file: 38 });
      const client = portal.client();
      await assert.rejects(client.publishBatch([37, 38, 39], { ...MODES, journal: path, chunkSize: 2 }), { code: 'ERR_JOURNAL' });
      const [journal, same] = [new Journal(path), new Journal(path)];
      assert.deepStrictEqual(journal, same);
      journal.decide([38], 'published', { by: 'A. Smith' });
      assert.notDeepStrictEqual(journal, same);
      const copy = structuredClone(journal);
      assert.deepEqual([copy.path, copy.undecided, copy.files], [path, [], journal.files]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  function* parts(value, path = 'report') {
    if (typeof value === 'object' && value !== null && !(value instanceof Date)) {
      yield [path, value];
      for (const [name, part] of Object.entries(value)) {
        yield* parts(part, `${path}.${name}`);
      }
    }
  }

  test('no part of a report can be written', async () => {
    portal.failPublish(38, [4, 5]);
    portal.nextFault('extra_result', { file: 99 });
    const sent = await portal.client().publishFiles([37, 38], MODES);
    for (const report of [sent, read('fail', 'success'), PublishReport.fromJSON(sent.toJSON())]) {
      const open = [...parts(report)].filter(([, part]) => !Object.isFrozen(part)).map(([path]) => path);
      assert.deepEqual(open.filter((path) => path !== 'report.undecided'), []);
    }
    const [{ sentAt }] = sent.attempts;
    sentAt.setFullYear(1970);
    sent.undecided.push(1);
    assert.notEqual(sent.attempts[0].sentAt.getFullYear(), 1970);
    assert.deepEqual(sent.undecided, []);
  });

  test('errors can be made without anything, as mocks do', () => {
    const { native } = require(join(require.resolve('addepar-portal/package.json'), '..', 'dist', 'native.js'));
    for (const { code, className } of native.errorKinds()) {
      for (const error of [new errors[className](), new errors[className](undefined, null), Reflect.construct(errors[className], [null])]) {
        assert.deepEqual([error.name, error.code, error.outcome, error.message, error.report], [className, code, 'unknown', '', null]);
        assert.equal(JSON.parse(JSON.stringify(error)).code, code);
      }
      const error = new errors[className]('mine');
      assert.deepEqual([error.message, error.code, error.toJSON().message], ['mine', code, 'mine']);
    }
    const error = new OutcomeUnknownError();
    assert.deepEqual([error.fileIds, error.phase, error.httpStatus, error.errors], [[], null, null, []]);
    class Mine extends OutcomeUnknownError {}
    assert.deepEqual([new Mine().code, new PortalError().outcome], ['ERR_OUTCOME_UNKNOWN', 'unknown']);
  });

  test('what a mock makes of the classes can be shown', () => {
    for (const Class of [PortalClient, PublishReport, PublishRequest, Journal, SimulatedPortal]) {
      assert.match(inspect(Object.create(Class.prototype)), new RegExp(Class.name), Class.name);
    }
  });
});
