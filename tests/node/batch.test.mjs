// Batches and journals: what is sent, what is written, and what happens when somebody interrupts.

import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

import {
  AlreadySentError,
  ConfigError,
  forgetJournal,
  initJournalDir,
  InputError,
  Journal,
  JournalError,
  OutcomeUnknownError,
  PermissionDeniedError,
  publishBatch,
  PublishReport,
  StoppedError,
} from 'addepar-portal';
import { SimulatedPortal } from 'addepar-portal/testing';

import { posted } from './script.mjs';

const MODES = { portalPublishing: 'publish', contactNotification: 'notify' };
const ids = (count) => Array.from({ length: count }, (_, position) => position + 1);
const temporary = () => mkdtempSync(join(tmpdir(), 'addepar-portal-'));

/** A portal with a place for a journal. */
function batch(name, body) {
  test(name, async () => {
    const portal = await SimulatedPortal.start({});
    try {
      await body(portal, join(temporary(), 'run.jsonl'));
    } finally {
      await portal.close();
    }
  });
}

batch('a batch is sent in chunks and journalled', async (portal, journal) => {
  const seen = [];
  const onProgress = (progress) => seen.push(progress);
  const report = await publishBatch(ids(250), { ...MODES, journal, onProgress, client: portal.client() });
  assert(report.ok);
  assert.deepEqual(report.files.map((file) => file.fileId), ids(250));
  assert.equal(portal.control('posts'), 3);
  const kinds = readFileSync(journal, 'utf8').trim().split('\n').map((line) => JSON.parse(line).type);
  assert.deepEqual(kinds, ['header', 'plan', 'intent', 'outcome', 'intent', 'outcome', 'intent', 'outcome']);
  assert.deepEqual(seen.map((progress) => progress.succeeded), [0, 100, 200, 250]);
  assert.deepEqual(seen.at(-1), {
    total: 250, succeeded: 250, failed: 0, unknown: 0, notProcessed: 0, chunk: 3, chunks: 3, waitingMs: null,
  });
  assert(!readFileSync(journal, 'utf8').includes('simulated-secret'));
  assert.deepEqual(new Journal(journal).report.toJSON(), report.toJSON());
});

batch('a size that the journal was not planned with is refused', async (portal, journal) => {
  const client = portal.client();
  portal.nextFault('status:403');
  await assert.rejects(client.publishBatch(ids(30), { ...MODES, journal, chunkSize: 10 }), PermissionDeniedError);
  const message = /`chunkSize` must be 10 for the journal .*run\.jsonl, which was made with it, not 7\. Nothing was sent now\./;
  await assert.rejects(client.publishBatch(ids(30), { ...MODES, journal, chunkSize: 7 }), { name: 'InputError', message });
  assert.equal(portal.control('posts'), 1);
  const report = await client.publishBatch(ids(30).toReversed(), { ...MODES, journal });
  assert.deepEqual([report.ok, report.files.map((file) => file.fileId)], [true, ids(30).toReversed()]);
  assert.equal(portal.control('posts'), 4);
});

test('a batch keeps what was seen of a page that failed', async () => {
  const link = '/v1/portal/publish_files?page=2';
  const portal = await SimulatedPortal.start({ pages: { [link]: { status: 503, body: '<html>busy' } } });
  try {
    const journal = join(temporary(), 'run.jsonl');
    const row = { id: '1', attributes: { file_id: 1, publish_status: 'success', notify_status: 'success' } };
    portal.nextFault('answer', { status: 200, body: { data: [row], links: { next: link } } });
    const error = await portal.client().publishBatch(ids(3), { ...MODES, journal, chunkSize: 2 }).catch((reason) => reason);
    assert(error instanceof JournalError);
    const leftOut = 'The answer has no result for it, and its next page was not read. The server answered 503.';
    assert.deepEqual(error.report.files.map(({ reason }) => reason), [null, leftOut, null]);
    const page = { link, httpStatus: 503, reason: 'The server answered 503.', raw: '<html>busy' };
    assert.deepEqual([error.report.nextLink, error.report.unreadPages], [link, [page]]);
    assert.deepEqual(new Journal(journal).report.toJSON(), error.report.toJSON());
    assert.deepEqual(new Journal(journal).files.map((file) => (file.result ?? file).reason), [null, leftOut, null]);
  } finally {
    await portal.close();
  }
});

batch('a journal that was read before overturns nothing', async (portal, journal) => {
  portal.nextFault('close_before_answer');
  await assert.rejects(portal.client().publishBatch(ids(10), { ...MODES, journal }), OutcomeUnknownError);
  const stale = new Journal(journal);
  new Journal(journal).decide(ids(5), 'published', { by: 'Ada', evidence: 'seen in the portal' });
  assert.throws(
    () => stale.decide(stale.undecided, 'not_published', { by: 'Bob' }),
    (error) => {
      assert.match(error.message, /Ada decided published about 5 files \(1-5\) at 20.* Nothing was recorded\. Read/);
      return error instanceof JournalError && error.reason === 'outdated';
    },
  );
  const decided = [];
  assert.throws(() => {
    for (const fileId of [6, 7, 1]) {
      stale.decide([fileId], 'not_published', { by: 'Bob' });
      decided.push(fileId);
    }
  }, /Ada decided published about 1 file \(1\) at 20/);
  assert.deepEqual([decided, stale.undecided], [[6, 7], [1, 2, 3, 4, 5, 8, 9, 10]]);
  const replaced = new Journal(journal).decide(ids(10), 'not_published', { by: 'Bob' });
  assert.deepEqual(replaced.map(({ fileId }) => fileId), ids(7));
});

batch('a program that decides and resumes says nothing of a later request', async (portal, journal) => {
  const client = portal.client();
  portal.nextFault('close_before_answer');
  await assert.rejects(client.publishBatch([37, 38], { ...MODES, journal }), OutcomeUnknownError);
  const program = async (evidence) => {
    const read = new Journal(journal);
    read.decide([37], 'published', { by: 'Ada' });
    read.decide([38], 'not_published', { by: 'Ada', evidence });
    return client.resume(journal);
  };
  portal.nextFault('close_before_answer');
  await assert.rejects(program(), OutcomeUnknownError);
  await assert.rejects(program(), (error) => {
    assert.match(error.message, /takes no `published` or `not_published` in these words: 1 file \(38\) was sent at 20/);
    assert.match(error.message, / Nothing was recorded\. Look again, and say in `evidence` what was found after that/);
    return error instanceof JournalError && error.reason === 'outdated';
  });
  for (const [fileId, decision] of [[38, 'not_published'], [0, 'leave'], [99, 'leave'], [38, 'perhaps']]) {
    assert.throws(() => new Journal(journal).decide([fileId], decision, { by: 'Ada' }), ({ report, undecided, outcome, ...error }) => {
      assert.deepEqual([report.undecided, undecided, outcome, error.journal], [[38], [38], 'unknown', journal]);
      return true;
    });
  }
  assert.equal((await program('not in the portal at 10:30')).settled, true);
  const sent = (await portal.control('requests')).map(({ body }) => body.data.attributes.files_id);
  assert.deepEqual(sent, [[37, 38], [38], [38]]);
});

batch('a batch that is to stop waits for no progress that never ends', async (portal, journal) => {
  for (const name of ['signal', 'dropSignal']) {
    const controller = new AbortController();
    const onProgress = ({ succeeded }) => {
      if (succeeded === 0) return undefined;
      setTimeout(() => controller.abort(), 20);
      return new Promise(() => {});
    };
    const stopped = portal.client().publishBatch([1, 2, 3], { ...MODES, journal, chunkSize: 1, onProgress, [name]: controller.signal });
    const error = await assert.rejects(stopped).then(() => stopped.catch((thrown) => thrown));
    assert.deepEqual([error.code, error.report.succeeded.map(({ fileId }) => fileId)], ['ERR_STOPPED', [1]]);
  }
  assert.equal((await portal.client().resume(journal)).ok, true);
});

batch('what a progress callback rejects with after it has stopped its batch is the cause', async (portal, journal) => {
  const controller = new AbortController();
  const boom = new Error('boom');
  const onProgress = async ({ succeeded }) => {
    if (succeeded === 0) return;
    controller.abort();
    await Promise.resolve();
    throw boom;
  };
  const stopped = portal.client().publishBatch([1, 2, 3], { ...MODES, journal, chunkSize: 1, onProgress, signal: controller.signal });
  await assert.rejects(stopped, (error) => error.code === 'ERR_STOPPED' && error.cause === boom);
});

batch('a pilot without a journal is warned of by the batch with one', async (portal, journal) => {
  await portal.client().publishFiles([37, 38], MODES);
  const warnings = [];
  const hear = (warning) => warnings.push(warning.message);
  process.on('warning', hear);
  try {
    await portal.client().publishBatch([37, 38, 39], { ...MODES, journal });
    await portal.client().resume(journal);
    await sleep(0);
  } finally {
    process.off('warning', hear);
  }
  assert.equal(warnings.length, 1, warnings);
  assert.match(warnings[0], /^2 of these files \(37, 38\) were already sent by this process .* UTC, and no folder of journals shows it/);
});

batch('an unknown chunk stops until each file has a decision', async (portal, journal) => {
  const client = portal.client();
  portal.nextFault('close_before_answer');
  const failed = await client.publishBatch(ids(30), { ...MODES, journal, chunkSize: 10 }).catch((error) => error);
  assert(failed instanceof OutcomeUnknownError);
  assert.equal(failed.report.unknown.length, 10);
  assert.equal(failed.report.notProcessed.length, 20);
  await assert.rejects(client.resume(journal), (error) => {
    assert.deepEqual([error.reason, error.toJSON().reason, new JournalError().reason], ['undecided', 'undecided', null]);
    return error instanceof JournalError && /waits for a decision/.test(error.message) && error.outcome === 'unknown';
  });
  const book = new Journal(journal);
  assert.deepEqual(book.undecided, ids(10));
  assert.equal(`${book}`, inspect(book));
  assert.match(`${book}`, /^Journal '.*run\.jsonl': 10 unknown, .*asked: publish/);
  assert.deepEqual(book.decide([1, 2], 'leave', { by: 'Bob' }), []);
  const replaced = book.decide([1, 2], 'published', { by: 'Ada', evidence: 'seen in the portal' });
  assert.deepEqual(
    replaced.map(({ fileId, state, decision, decidedBy }) => [fileId, state, decision, decidedBy]),
    [1, 2].map((fileId) => [fileId, 'unknown', 'leave', 'Bob']),
  );
  assert.ok(replaced[0].decidedAt instanceof Date);
  book.decide(book.undecided, 'not_published', { by: 'Ada' });
  const report = await client.resume(journal);
  assert.deepEqual(report.unknown.map((file) => file.fileId), [1, 2]);
  assert.equal(report.succeeded.length, 28);
  assert.equal(portal.control('posts'), 4);
  const [first] = new Journal(journal).files;
  assert.equal(first.decision, 'published');
  assert.equal(first.decidedBy, 'Ada');
  assert(first.decidedAt instanceof Date);
});

batch('nothing is decided about what is not an id or not text', async (portal, journal) => {
  portal.nextFault('close_before_answer');
  await assert.rejects(portal.client().publishBatch(ids(12), { ...MODES, journal }), OutcomeUnknownError);
  const [book, before] = [new Journal(journal), readFileSync(journal, 'utf8')];
  for (const files of [12, '12', new Map([[1, 2]]), new Float32Array([1]), [1].values(), undefined, [true], [1.9], ['1_0'], ['\uff11'], [null], [-1], [1, '1'], [0]]) {
    const refused = (error) => error instanceof InputError && error.message.endsWith('Nothing was recorded.');
    assert.throws(() => book.decide(files, 'not_published', { by: 'Ada' }), refused, String(files));
  }
  for (const options of [{ by: 5 }, {}, undefined, { by: 'Ada', evidence: 7 }, { by: 'Ada', evidance: 'seen' }]) {
    assert.throws(
      () => book.decide([1], 'leave', options),
      (error) => error instanceof InputError && error.message.endsWith('Nothing was recorded.'),
      JSON.stringify(options),
    );
  }
  assert.throws(() => book.decide([1], 'perhaps', { by: 'Ada' }), /not "perhaps"\. Nothing was recorded\.$/);
  assert.equal(readFileSync(journal, 'utf8'), before);
  book.decide(['1', 2n, 3], 'leave', { by: 'Ada' });
  assert.equal(book.undecided.length, 9);
});

batch('an error speaks of the whole batch, and its status of the request that failed', async (portal, journal) => {
  const client = portal.client();
  const options = { ...MODES, journal, chunkSize: 10 };
  portal.control('faults', { faults: [{ name: 'close_idle' }, 'status:403'] });
  await assert.rejects(client.publishBatch(ids(30), options), (error) => {
    assert.deepEqual([error.code, error.outcome, error.httpStatus], ['ERR_PERMISSION_DENIED', 'processed', 403]);
    assert.deepEqual([error.journal, error.undecided], [journal, []]);
    assert.match(error.message, /The batch stopped here: 10 ok, 20 not_processed/);
    assert.doesNotMatch(error.message, /Nothing was/);
    assert(error.message.endsWith(`resume with \`client.resume('${journal}')\`.`), error.message);
    return true;
  });
  await assert.rejects(client.publishBatch(ids(30), { ...options, chunkSize: 0 }), (error) => {
    assert.deepEqual([error.code, error.outcome, error.httpStatus], ['ERR_INPUT', 'processed', null]);
    assert.match(error.message, /Nothing was sent now\./);
    return true;
  });
});

batch('files in flight are shown as being sent, and nobody has to decide about them', async (portal, journal) => {
  portal.control('hold');
  const run = portal.client().publishBatch([1, 2, 3], { ...MODES, journal, chunkSize: 2 });
  await posted(portal, 1);
  const book = new Journal(journal);
  // Nobody may take what is about to be sent for unprocessed.
  assert.deepEqual([book.undecided, book.inFlight], [[], [1, 2, 3]]);
  assert(book.files.every(({ state, inFlight }) => state === 'unknown' && inFlight));
  assert.deepEqual(book.chunks.map(({ state, attempts }) => [state, attempts]), [['in_flight', 1], ['in_flight', 0]]);
  const { report } = book;
  assert.deepEqual([report.undecided, report.inFlight, report.settled], [[], [1, 2, 3], false]);
  await assert.rejects(portal.client().resume(journal), (error) => {
    assert.deepEqual([error.code, error.undecided, error.report.inFlight], ['ERR_JOURNAL', [], [1, 2, 3]]);
    return true;
  });
  portal.control('release');
  assert((await run).ok);
});

batch('a decision about files that were never sent is warned of', async (portal, journal) => {
  portal.nextFault('close_before_answer');
  const lost = portal.client().publishBatch(ids(7), { ...MODES, journal, chunkSize: 2 });
  await assert.rejects(lost, { code: 'ERR_OUTCOME_UNKNOWN' });
  new Journal(journal).decide([1, 2], 'published', { by: 'Ada' });
  const warned = new Promise((resolve) => process.once('warning', resolve));
  new Journal(journal).decide([5, 6, 7], 'leave', { by: 'Ada' });
  const { name, message } = await warned;
  const said = `3 files of the journal ${journal} (5-7) were never sent, and will not be`;
  assert.deepEqual([name, message], ['AddeparPortalWarning', said]);
});

batch('a lost call without a journal has its undecided files', async (portal) => {
  portal.nextFault('close_before_answer');
  await assert.rejects(portal.client().publishFiles([1, 2], MODES), (error) => {
    assert.match(error.message, /wait 90 seconds\. Do not run this again\./);
    assert.deepEqual([error.undecided, error.report.undecided, error.toJSON().undecided], [[1, 2], [1, 2], [1, 2]]);
    return true;
  });
});

batch('a run whose files are all decided is settled', async (portal, journal) => {
  const client = portal.client();
  portal.nextFault('close_before_answer');
  await assert.rejects(client.publishBatch([1, 2], { ...MODES, journal }), (error) => {
    assert.doesNotMatch(error.message, /Do not run this again/);
    assert(error.message.includes(`\`new Journal('${journal}').decide(fileIds, decision, { by: 'NAME', evidence: 'WHAT YOU FOUND' })\``), error.message);
    return true;
  });
  new Journal(journal).decide([1, 2], 'published', { by: 'Ada' });
  const report = await client.resume(journal);
  assert.deepEqual([report.settled, report.undecided, report.ok], [true, [], false]);
  assert.match(report.toString(), /2 unknown \(decided: published\)/);
  assert.equal(portal.control('posts'), 1);
});

batch('a refusal stops the batch and a resume goes on', async (portal, journal) => {
  const client = portal.client();
  portal.nextFault('status', { status: 403 });
  const options = { ...MODES, journal, chunkSize: 10 };
  await assert.rejects(client.publishBatch(ids(30), options), PermissionDeniedError);
  assert((await client.resume(journal)).ok);
  const again = await client.publishBatch(ids(30).toReversed(), options);
  assert(again.ok);
  for (const report of [again, new Journal(journal).report, PublishReport.fromJSON(JSON.stringify(again))]) {
    assert.equal(report.journal, journal);
  }
  const alone = await client.publishFiles([900], MODES);
  assert.deepEqual([alone.journal, 'journal' in alone.toJSON()], [null, false]);
  assert.equal(portal.control('posts'), 5);
  await assert.rejects(client.publishBatch(ids(31), options), /this call names 1 file \(31\) that the journal does not have/);
});

batch('a signal lets the request in flight end and is recorded', async (portal, journal) => {
  portal.control('hold');
  const client = portal.client();
  const controller = new AbortController();
  const running = client.publishBatch(ids(30), { ...MODES, journal, chunkSize: 10, signal: controller.signal });
  await posted(portal, 1);
  const reason = new Error('enough');
  controller.abort(reason);
  portal.control('release');
  const stopped = await running.catch((error) => error);
  assert(stopped instanceof StoppedError);
  assert.equal(stopped.name, 'AbortError');
  assert.equal(stopped.cause, reason);
  assert.equal(stopped.report.succeeded.length, 10);
  assert.equal(portal.control('posts'), 1);
  assert((await client.resume(journal)).ok);
});

for (const isStopped of [true, false]) {
  batch(`a second signal drops the request in flight${isStopped ? ' that the first one awaits' : ', also without a first one'}`, async (portal, journal) => {
    portal.control('hold');
    const client = portal.client({ logger: { debug() {}, info() {}, warn() {} } });
    const [stop, drop] = [new AbortController(), new AbortController()];
    const options = { ...MODES, journal, chunkSize: 10, signal: stop.signal, dropSignal: drop.signal };
    const running = client.publishBatch(ids(30), options);
    await posted(portal, 1);
    if (isStopped) {
      stop.abort(new Error('enough'));
      assert.equal(await Promise.race([running, sleep(100, 'it is awaited')]), 'it is awaited');
    }
    const reason = new Error('no time left');
    drop.abort(reason);
    const error = await running.catch((thrown) => thrown);
    assert.deepEqual([error.name, error.code, error.cause], ['AbortError', 'ERR_OUTCOME_UNKNOWN', reason]);
    assert.deepEqual([error.undecided, error.counts.notProcessed], [ids(10), 20]);
    assert.deepEqual(new Journal(journal).undecided, ids(10));
    assert.equal(portal.control('posts'), 1);
  });
}

batch('a second signal that is aborted before sends nothing', async (portal, journal) => {
  const reason = new Error('changed my mind');
  const options = { ...MODES, journal, dropSignal: AbortSignal.abort(reason) };
  await assert.rejects(portal.client().publishBatch([1], options), (error) => error === reason);
  await assert.rejects(portal.client().resume(journal, { dropSignal: AbortSignal.abort(reason) }), (error) => error === reason);
  assert.equal(portal.control('posts'), 0);
});

batch('a second signal during a wait stops the batch, and leaves no listener', async (portal, journal) => {
  portal.nextFault('rate_limited', { retry_after: 60 });
  const drop = new AbortController();
  const onProgress = ({ waitingMs }) => waitingMs && setImmediate(() => drop.abort());
  const options = { ...MODES, journal, onProgress, dropSignal: drop.signal };
  await assert.rejects(portal.client().publishBatch([1], options), { name: 'AbortError', code: 'ERR_STOPPED' });
  const other = new AbortController();
  assert((await portal.client().resume(journal, { signal: other.signal, dropSignal: other.signal })).ok);
  assert.deepEqual([drop, other].map(({ signal }) => getEventListeners(signal, 'abort').length), [0, 0]);
});

batch('a signal ends a wait at once', async (portal, journal) => {
  portal.nextFault('rate_limited', { retry_after: 60 });
  const seen = [];
  const controller = new AbortController();
  const onProgress = (progress) => {
    seen.push(progress.waitingMs);
    if (progress.waitingMs) setImmediate(() => controller.abort());
  };
  const options = { ...MODES, journal, onProgress, signal: controller.signal };
  await assert.rejects(portal.client().publishBatch([1], options), { name: 'AbortError', code: 'ERR_STOPPED' });
  assert.deepEqual(seen.slice(0, 2), [null, 60_000]);
});

/** Ways in which a callable fails with a value. */
const WAYS = {
  throws: (value) => () => {
    throw value;
  },
  rejects: (value) => async () => {
    throw value;
  },
  // eslint-disable-next-line unicorn/no-thenable
  'is not a real promise': (value) => () => ({ then: (_, reject) => reject(value) }),
};
const revoked = Proxy.revocable({}, {});
revoked.revoke();
const FAILURES = [new RangeError('broken'), undefined, null, 'text', new OutcomeUnknownError({ code: 'ERR_OUTCOME_UNKNOWN', message: 'of another call' })];

batch('what onProgress fails with stops the batch and is the cause of its error', async (portal, journal) => {
  let count = 0;
  for (const [way, failing] of Object.entries(WAYS)) {
    for (const value of [...FAILURES, revoked.proxy]) {
      const fail = failing(value);
      const onProgress = (progress) => (progress.succeeded ? fail() : undefined);
      const options = { ...MODES, journal: `${journal}.${(count += 1)}`, chunkSize: 10, onProgress };
      const error = await portal.client().publishBatch(ids(30), options).catch((thrown) => thrown);
      assert(error instanceof StoppedError, way);
      assert.deepEqual([error.name, error.code], ['StoppedError', 'ERR_STOPPED']);
      assert('cause' in error && error.cause === value, way);
      assert.deepEqual([error.report.succeeded.length, error.report.notProcessed.length], [10, 20]);
      assert.equal(new Journal(options.journal).report.succeeded.length, 10);
      assert((await portal.client().resume(options.journal)).ok);
    }
  }
});

batch('what onProgress fails with hides no outcome', async (portal, journal) => {
  const client = portal.client();
  for (const [index, failing] of Object.values(WAYS).entries()) {
    const value = new RangeError('broken');
    const options = { ...MODES, chunkSize: 10, onProgress: failing(value) };
    // At the very first call: nothing was sent.
    const none = await client.publishBatch(ids(30), { ...options, journal: `${journal}.${index}.0` }).catch((thrown) => thrown);
    assert.deepEqual([none.code, none.outcome, none.cause], ['ERR_STOPPED', 'not_processed', value]);
    // When the last chunk was answered.
    const last = (progress) => (progress.succeeded === 30 ? options.onProgress() : undefined);
    const all = await client
      .publishBatch(ids(30), { ...options, onProgress: last, journal: `${journal}.${index}.1` })
      .catch((thrown) => thrown);
    assert(all instanceof StoppedError, String(all.stack ?? all));
    assert.deepEqual([all.outcome, all.cause, all.report.ok], ['processed', value, true]);
    assert.match(all.message, /The batch was stopped after its last request: 30 ok/);
    // When a chunk became unknown.
    portal.nextFault('close_before_answer');
    const lost = (progress) => (progress.unknown ? options.onProgress() : undefined);
    const unknown = await client
      .publishBatch(ids(30), { ...options, onProgress: lost, journal: `${journal}.${index}.2` })
      .catch((thrown) => thrown);
    assert(unknown instanceof OutcomeUnknownError);
    assert.deepEqual([unknown.code, unknown.cause, unknown.report.unknown.length], ['ERR_OUTCOME_UNKNOWN', value, 10]);
  }
});

batch('bad options name the value and send nothing', async (portal, journal) => {
  const client = portal.client();
  for (const [name, value] of Object.entries({ chunkSize: 0, maxWaitMs: -1, repeat: 'perhaps', pace: 'yes', journal: 7, typo: 1 })) {
    await assert.rejects(client.publishBatch([1], { ...MODES, journal, [name]: value }), InputError, name);
  }
  for (const chunkSize of [1.5, -1, Number.NaN, Infinity, 1e300]) {
    await assert.rejects(client.publishBatch([1], { ...MODES, journal, chunkSize }), {
      name: 'InputError',
      message: /^`chunkSize` must be a whole number from 1 to 500, not .*\. Nothing was sent\.$/,
    });
  }
  await assert.rejects(client.publishBatch([1], MODES), InputError);
  await assert.rejects(client.resume(journal, { typo: 1 }), InputError);
  await assert.rejects(client.resume(journal), JournalError);
  assert.throws(() => portal.client({ journalDir: 7 }), ConfigError);
  assert.equal(portal.control('posts'), 0);
});

batch('a stopped batch waits no longer than it may for the request in flight', async (portal, journal) => {
  portal.control('hold');
  const controller = new AbortController();
  const options = { ...MODES, journal, signal: controller.signal, stopTimeoutMs: 200 };
  const run = portal.client().publishBatch([1, 2], options);
  await posted(portal, 1);
  controller.abort();
  await assert.rejects(run, (error) => {
    assert(error instanceof OutcomeUnknownError, error);
    assert.match(error.message, /No answer came: the batch was stopped, and 200 ms later the request was dropped\./);
    assert.deepEqual([error.undecided, error.journal], [[1, 2], journal]);
    return true;
  });
});

batch('a folder of journals refuses to send a file again', async (portal, journal) => {
  const journalDir = join(temporary(), 'journals');
  const client = portal.client({ journalDir });
  await assert.rejects(client.publishFiles([37, 38], MODES), ConfigError);
  assert.equal(initJournalDir(journalDir), initJournalDir(journalDir));
  assert((await client.publishFiles([37, 38], MODES)).ok);
  await assert.rejects(client.publishFiles([38, 39], MODES), (error) => {
    assert(error instanceof AlreadySentError && error instanceof InputError);
    assert.match(error.message, /File 38 was sent before .* state ok, run [0-9a-f]{16}/);
    assert.deepEqual([error.code, error.fileIds], ['ERR_ALREADY_SENT', [38]]);
    assert.deepEqual(error.report.files.map(({ state }) => state), ['ok', 'not_processed']);
    return true;
  });
  await assert.rejects(client.publishBatch([38], { ...MODES, journal }), InputError);
  assert((await client.publishFiles([38], { ...MODES, repeat: 'allow' })).ok);
  assert.equal(readdirSync(journalDir).filter((name) => name.endsWith('.jsonl')).length, 2);
  assert.equal(portal.control('posts'), 2);
});

batch('a journal that is gone is missed until it is forgotten', async (portal) => {
  const journalDir = join(temporary(), 'journals');
  initJournalDir(journalDir);
  writeFileSync(join(journalDir, 'events.jsonl'), '{"event":1}\n');
  const lines = [];
  const logger = { debug() {}, info() {}, warn: (message) => lines.push(message) };
  const client = portal.client({ journalDir, logger });
  assert((await client.publishFiles([37, 38], MODES)).ok);
  assert.equal(lines.length, 1);
  assert.match(lines[0], /events\.jsonl is not a journal, and is passed over/);
  const [path] = readdirSync(journalDir).filter((name) => /^2.*\.jsonl$/.test(name)).map((name) => join(journalDir, name));
  rmSync(path);
  await assert.rejects(client.publishFiles([39], MODES), (error) => {
    assert(error instanceof JournalError, error);
    assert.match(error.message, /is not there any more/);
    assert.deepEqual([error.outcome, error.journal], ['not_processed', path]);
    return true;
  });
  assert.deepEqual(forgetJournal(path), [37, 38]);
  assert.throws(() => forgetJournal(path), JournalError);
  // Without a logger Node warns.
  const warned = new Promise((resolve) => process.once('warning', resolve));
  assert((await portal.client({ journalDir }).publishFiles([39], MODES)).ok);
  assert.match((await warned).message, /events\.jsonl is not a journal/);
});
