// Generated reports: read, published, and used to settle what became of files whose outcome is unknown.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

import {
  ConfigError,
  ConnectError,
  GeneratedReport,
  InputError,
  Journal,
  JournalError,
  OutcomeUnknownError,
  PermissionDeniedError,
  PortalClient,
  publishBatch,
  publishFiles,
  PublishReport,
  PublishRequest,
  RejectedError,
  StoppedError,
} from 'addepar-portal';
import { SimulatedPortal } from 'addepar-portal/testing';

const BARE = '0b7e2f14-5d0c-4e6b-9a37-1f2c3d4e5f60';
const JOB = '7d4e1c58-9a63-4b0f-8a25-3c9d2f6b1e70';
const MODES = { portalPublishing: 'publish', contactNotification: 'notify' };
/** Ten minutes on a clock on which an hour passes in a second, and a little more. */
const TEN_MINUTES = 200;
/**
 * The same on a slower clock. Where a file counts as not published, the request of another one has to be no further back
 * than two looks are apart: on this clock, that holds on a busy machine too.
 */
const SLOW = { clock: 300, tenMinutes: 2100 };

const range = (first, last) => Array.from({ length: last - first + 1 }, (_, position) => first + position);
const named = (fileId) => ({ fileId, portfolioId: 1000 + fileId, portfolioName: `Client ${fileId}` });

/** What a test needs of a portal with one report: a client, a place for a journal, and the e-mails so far. */
function portal(name, files, body, options = {}) {
  test(name, { timeout: 60_000 }, async () => {
    const report = {
      jobId: JOB,
      attributes: { reportId: 42, reportName: 'Q3', startedAt: '2026-11-24T10:15:30.00Z', completedAt: '2026-11-24T10:16:30Z' },
      generatedPortfolios: files.map(named),
      failedPortfolios: [{ portfolioType: 'entity', portfolioId: 9, portfolioName: 'No data' }],
    };
    const started = await SimulatedPortal.start({ generatedReports: [report], clock: 3600, ...options });
    const folder = mkdtempSync(join(tmpdir(), 'addepar-portal-'));
    try {
      await body({
        portal: started,
        client: started.client(),
        journal: join(folder, 'run.jsonl'),
        emails: () => started.outbox.map(({ files: [file] }) => file).toSorted((one, other) => one - other),
      });
    } finally {
      await started.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

describe('reading', () => {
  portal('a report by its job', [101, 102, 103], async ({ portal: started, client }) => {
    const report = await client.generatedReport(JOB);
    assert.ok(report instanceof GeneratedReport);
    const portfolios = [[101, true], [102, null], [103, false]].map(([fileId, hasBeenPublished]) => {
      return { portfolioType: 'entity', portfolioId: 1000 + fileId, portfolioName: `Client ${fileId}`, fileId, hasBeenPublished };
    });
    assert.deepEqual({ ...report }, {
      jobId: JOB,
      reportId: 42,
      reportName: 'Q3',
      status: 'FINISHED',
      startedAt: new Date('2026-11-24T10:15:30Z'),
      completedAt: new Date('2026-11-24T10:16:30Z'),
      jobType: null,
      generatedPortfolios: portfolios,
      failedPortfolios: [{ portfolioType: 'entity', portfolioId: 9, portfolioName: 'No data' }],
      fileIds: [101, 102, 103],
      portfolioNames: new Map([[101, 'Client 101'], [102, 'Client 102'], [103, 'Client 103']]),
    });
    for (const value of [report, report.generatedPortfolios, report.generatedPortfolios[0], report.failedPortfolios, report.fileIds]) {
      assert.ok(Object.isFrozen(value));
    }
    assert.deepEqual(JSON.parse(JSON.stringify(report)).generated_portfolios[1], {
      portfolio_type: 'entity', portfolio_id: 1102, portfolio_name: 'Client 102', file_id: 102, has_been_published: null,
    });
    assert.deepEqual(structuredClone(report), { ...report });
    assert.equal(inspect(report), `GeneratedReport { jobId: '${JOB}', reportName: 'Q3', status: 'FINISHED' } of 3 files`);
    assert.equal(`${report}`, inspect(report));
    assert.equal(started.control('posts'), 0);
    assert.deepEqual(started.requests.map(({ method, path, body }) => [method, path, body]), [['GET', `/api/v1/generated_reports/${JOB}`, null]]);
  }, { showPublished: { 101: true, 102: null } });

  portal('members that were left out are null', [], async ({ client }) => {
    const { status, ...others } = await client.generatedReport(BARE);
    assert.equal(status, 'FINISHED');
    assert.deepEqual(others, {
      jobId: BARE, reportId: null, reportName: null, startedAt: null, completedAt: null, jobType: null,
      generatedPortfolios: [{ portfolioType: 'entity', portfolioId: null, portfolioName: null, fileId: 7, hasBeenPublished: false }],
      failedPortfolios: [{ portfolioType: null, portfolioId: null, portfolioName: null }],
      fileIds: [7], portfolioNames: new Map(),
    });
  }, { generatedReports: [{ jobId: BARE, generatedPortfolios: [{ fileId: 7 }], failedPortfolios: [{}] }] });

  portal('a file of several portfolios comes once, with the names of all', [], async ({ client }) => {
    const report = await client.generatedReport(BARE);
    assert.deepEqual([report.fileIds, [...report.portfolioNames]], [[7, 8], [[7, 'A, B'], [8, 'C']]]);
  }, {
    generatedReports: [{
      jobId: BARE,
      generatedPortfolios: [['A', 7], ['C', 8], ['B', 7]].map(([portfolioName, fileId]) => ({ portfolioName, fileId })),
    }],
  });

  const many = range(0, 1199).map((number) => ({
    jobId: `job-${number}`,
    attributes: { status: number % 3 ? 'FINISHED' : 'ERROR', completedAt: `2026-11-${String(1 + Math.floor(number / 50)).padStart(2, '0')}T00:00:00Z` },
  }));
  portal('the list, page by page, and what passes a filter', [], async ({ portal: started, client }) => {
    const all = await client.generatedReports();
    assert.deepEqual([all.length, all[0].completedAt], [1200, new Date('2026-11-24')]);
    assert.ok(all.every((report) => report instanceof GeneratedReport));
    assert.equal(started.requests.length, 3);
    const count = async (filter) => (await client.generatedReports(filter)).length;
    assert.equal(await count({ status: 'ERROR' }), 400);
    assert.equal(await count({ status: ['ERROR', 'FINISHED'] }), 1200);
    assert.equal(await count({ completedAfter: new Date('2026-11-22'), completedBefore: new Date('2026-11-24') }), 50);
    started.control('reset');
    await client.generatedReports({ completedAfter: new Date('2026-11-24T10:15:30.999Z'), status: ['A', 'B'], entityId: 21, groupId: '022' });
    const [{ path }] = started.requests;
    assert.deepEqual([...new URL(path, started.baseUrl).searchParams], [
      ['filter[completed_after]', '2026-11-24T10:15:30Z'], ['filter[status]', 'A,B'], ['filter[entityId]', '21'], ['filter[groupId]', '22'],
    ]);
  }, { generatedReports: many });

  portal('is repeated after faults, and a refusal is an error without a report', [101], async ({ portal: started, client }) => {
    const meets = (...faults) => started.control('report_faults', { faults });
    const failure = async () => await client.generatedReport(JOB).catch((error) => error);
    for (const faults of [['status:503', 'close_before_answer'], ['close_in_body'], [{ name: 'rate_limited', retry_after: 1 }]]) {
      meets(...faults);
      assert.deepEqual((await client.generatedReport(JOB)).fileIds, [101], inspect(faults));
    }
    meets('not_json');
    const unreadable = await failure();
    assert.deepEqual([unreadable.constructor, unreadable.report], [RejectedError, null]);
    assert.equal(unreadable.message, 'The generated report could not be read: it is not JSON. Nothing was sent.');
    assert.match(unreadable.stack, /reports\.test\.mjs/);
    meets('status:503', 'status:503', 'status:503');
    assert.deepEqual([(await failure()).constructor, (await failure()).constructor], [RejectedError, GeneratedReport]);
    meets('close_before_answer', 'close_before_answer', 'close_before_answer');
    assert.equal((await failure()).constructor, ConnectError);
    meets('status:403');
    const denied = await failure();
    assert.ok(denied instanceof PermissionDeniedError && denied.message.includes('Access to all tools and portfolios'), denied);
    const missing = await client.generatedReport('7d4e1c58-0000-4b0f-8a25-3c9d2f6b1e70').catch((error) => error);
    assert.deepEqual([missing.constructor, missing.httpStatus, missing.errors.length], [RejectedError, 404, 1]);
    assert.equal(started.control('posts'), 0);
  });

  portal('what cannot be asked for is refused, and nothing is sent', [101], async ({ portal: started, client, journal }) => {
    const batch = (files, options) => client.publishBatch(files, { ...MODES, journal, ...options });
    const refused = [
      [() => client.generatedReport('../portal'), /^`jobId` must be the id of a job, a UUID such as .*, not "\.\.\/portal"\. Nothing was sent\.$/],
      [() => client.generatedReport(37), /^`jobId` must be a string, not 37 \(number\)\. Nothing was sent\.$/],
      [() => client.generatedReport(JOB, { apply: true }), /^`apply` is not an option of /],
      [() => client.generatedReports({ status: [1] }), /^`status` must be a string or an array of strings, not \[ 1 \] \(Array\)\./],
      [() => client.generatedReports({ completedAfter: '2026-11-24' }), /^`completedAfter` must be a valid Date, not "2026-11-24" \(string\)\./],
      [() => client.generatedReports({ completedAfter: new Date(Number.NaN) }), /^`completedAfter` must be a valid Date, not Invalid Date \(Date\)\./],
      [() => client.generatedReports({ completedBefore: new Date(-1000) }), /^`completedBefore` must be a time in the years from 1970 to 9999\./],
      [() => client.generatedReports({ completedBefore: new Date(8.64e15) }), /^`completedBefore` must be a time in the years from 1970 to 9999\./],
      [() => client.generatedReports({ entityId: 1.5 }), /^`entityId` must be a whole number from 1 to 9007199254740991 or a string of ASCII digits, not 1\.5 \(number\)\./],
      [() => client.generatedReports({ groupId: 0 }), /^`groupId` must be a whole number .*, not 0\./],
      [() => batch(null), /^`fileIds` must name the files: give a list of ids, or in `reports` the jobs/],
      [() => batch(null, { reports: [] }), /^`fileIds` must name the files/],
      [() => batch(undefined, { reports: [JOB] }), /^`fileIds` must be a list of ids, or null for all files of `reports`, not undefined\. Nothing was sent\.$/],
      [() => client.publishBatch({ ...MODES, journal, reports: [JOB] }), /^`fileIds` must come before the options: a list of ids, or null for all files of `reports`\. Nothing was sent\.$/],
      [() => publishBatch({ ...MODES, journal, reports: [JOB], client }), /^`fileIds` must come before the options/],
      [() => batch([], { reports: [JOB] }), /fileIds/],
      [() => batch(null, { reports: JOB }), /^`reports` must be an array of strings, not "7d4e/],
      [() => batch(null, { reports: ['../portal'] }), /^`jobId` must be the id of a job/],
      [() => batch([101], { skipPublished: true }), /^`skipPublished` needs `reports`: they show which files are published\./],
      [() => batch([101], { reports: [JOB], skipPublished: true }), /^`skipPublished` leaves out files that `reports` bring, and cannot be given beside `fileIds`: every file that is named is published and reported\. Nothing was sent\./],
      [() => batch([101], { reports: [JOB], skipPublished: 1 }), /^`skipPublished` must be a boolean, not 1 \(number\)\./],
      [() => client.publishFiles([101], { ...MODES, reports: [JOB] }), /^`reports` is not an option of /],
      [() => client.publishFiles(null, MODES), /^`fileIds` must be a list of ids, not null\./],
    ];
    for (const [ask, message] of refused) {
      await assert.rejects(ask, (error) => error instanceof InputError && message.test(error.message) || assert.fail(`${message}: ${error}`));
    }
    assert.deepEqual([started.requests, existsSync(journal)], [[], false]);
  });

  portal('asks for a token, and once more after a 401', [101], async ({ portal: started }) => {
    const tokens = ['old', 'simulated-token'];
    const client = started.client({ accessToken: async () => tokens.shift() });
    assert.deepEqual((await client.generatedReport(JOB)).fileIds, [101]);
    assert.deepEqual([tokens, started.requests.map(({ authorized }) => authorized)], [[], [false, true]]);
    const reason = new Error('the vault is sealed');
    const sealed = started.client({ accessToken: () => { throw reason; } });
    await assert.rejects(sealed.generatedReports(), (error) => error instanceof ConfigError && error.cause === reason);
    assert.equal(started.requests.length, 2);
  });

  test('another host is refused in a test, whatever the client was made in', async () => {
    process.env.ADDEPAR_PORTAL_LIVE = '1';
    const client = new PortalClient({ baseUrl: 'https://portal.invalid/api', firmId: '1', keyId: 'key', keySecret: 'secret' });
    delete process.env.ADDEPAR_PORTAL_LIVE;
    await assert.rejects(client.generatedReport(JOB), ConfigError);
    await assert.rejects(client.generatedReports(), ConfigError);
  });

  portal('a signal ends it with its reason, and nothing more is asked', [101], async ({ portal: started, client, journal, emails }) => {
    const reason = new Error('changed my mind');
    const isReason = (error) => error === reason;
    await assert.rejects(client.generatedReport(JOB, { signal: AbortSignal.abort(reason) }), isReason);
    await assert.rejects(client.generatedReports({ signal: AbortSignal.abort(reason) }), isReason);
    assert.equal(started.requests.length, 0);
    const aborted = async (read, isExpected = isReason) => {
      const controller = new AbortController();
      const before = started.requests.length;
      const call = read(controller.signal);
      while (started.requests.length === before) {
        await sleep(5);
      }
      controller.abort(reason);
      await assert.rejects(call, isExpected);
      assert.equal(started.requests.length, before + 1);
    };
    const held = (...faults) => started.control('report_faults', { faults });
    held('hang');
    await aborted((signal) => client.generatedReport(JOB, { signal }));
    held('hang');
    await aborted((signal) => client.generatedReports({ signal }));
    held({ name: 'rate_limited', retry_after: 30 });
    await aborted((signal) => client.generatedReport(JOB, { signal }));
    held('hang');
    // A batch that a signal stops says so.
    const isStopped = (error) => error instanceof StoppedError && error.name === 'AbortError' && error.cause === reason;
    await aborted((signal) => client.publishBatch(null, { ...MODES, journal, reports: [JOB], signal }), isStopped);
    assert.deepEqual([existsSync(journal), emails()], [false, []]);
  });
});

describe('publishing', () => {
  portal('a report in the place of a list', [101, 102], async ({ client, journal, emails }) => {
    const report = await client.generatedReport(JOB);
    const rows = [[101, 'Client 101'], [102, 'Client 102']];
    const shown = (published) => published.files.map(({ fileId, portfolioName }) => [fileId, portfolioName]);
    const published = await client.publishFiles(report, MODES);
    assert.ok(published.ok);
    assert.deepEqual(shown(published), rows);
    assert.deepEqual([...published.request.portfolioNames], rows);
    const json = published.toJSON();
    assert.deepEqual(json.files.map(({ portfolio_name }) => portfolio_name), ['Client 101', 'Client 102']);
    assert.deepEqual(json.request.portfolio_names, { 101: 'Client 101', 102: 'Client 102' });
    assert.deepEqual(shown(PublishReport.fromJSON(JSON.stringify(published))), rows);
    assert.deepEqual(shown(await publishFiles(report, { ...MODES, client })), rows);
    const batch = await publishBatch(report, { ...MODES, journal, chunkSize: 1, client });
    assert.deepEqual(shown(batch), rows);
    assert.deepEqual(shown(new Journal(journal)), rows);
    assert.deepEqual(new Journal(journal).toJSON().portfolio_names, { 101: 'Client 101', 102: 'Client 102' });
    assert.deepEqual(emails(), [101, 101, 101, 102, 102, 102]);
    const request = new PublishRequest(report, MODES);
    assert.deepEqual([request.fileIds, [...request.portfolioNames]], [[101, 102], rows]);
    assert.deepEqual(request.toJSON().data.attributes.files_id, [101, 102]);
    assert.ok(!JSON.stringify(request).includes('Client'));
  });

  portal('names stand beside files of every state', [37, 38], async ({ portal: started, client }) => {
    started.failNotify(37, [1]);
    const report = await client.publishFiles(await client.generatedReport(JOB), MODES);
    assert.deepEqual(report.files.map(({ state, portfolioName }) => [state, portfolioName]), [['failed', 'Client 37'], ['ok', 'Client 38']]);
    assert.deepEqual([report.failed.length, report.succeeded.length], [1, 1]);
    started.nextFault('close_before_answer');
    const error = await client.publishFiles(await client.generatedReport(JOB), MODES).catch((thrown) => thrown);
    assert.deepEqual(error.report.unknown.map(({ portfolioName }) => portfolioName), ['Client 37', 'Client 38']);
  });

  portal('the files of reports, without those that are published', range(101, 105), async ({ portal: started, client, journal, emails }) => {
    const options = { ...MODES, journal, reports: [JOB], skipPublished: true, chunkSize: 2 };
    for (let time = 1; time <= 2; time += 1) {
      const report = await client.publishBatch(null, options);
      const names = report.files.map(({ fileId, portfolioName }) => [fileId, portfolioName]);
      assert.deepEqual(names, [101, 102, 104, 105].map((id) => [id, `Client ${id}`]));
      assert.deepEqual(emails(), [101, 102, 104, 105]);
    }
    const kept = new Journal(journal);
    assert.deepEqual([kept.toJSON().reports, kept.toJSON().skipped, kept.skipped], [[JOB], [103], [103]]);
    // The ids are the journal's from now on, whatever the report shows.
    started.control('show_published', { file: 103, shown: false });
    assert.ok((await publishBatch(null, { ...options, client })).ok);
    assert.deepEqual(emails(), [101, 102, 104, 105]);
  }, { showPublished: { 103: true } });

  portal('a list keeps to its files, with the names of its reports', range(101, 105), async ({ client, journal, emails }) => {
    const report = await client.publishBatch([105, 999], { ...MODES, journal, reports: [JOB] });
    assert.deepEqual(report.files.map(({ fileId, portfolioName }) => [fileId, portfolioName]), [[105, 'Client 105'], [999, null]]);
    assert.deepEqual(emails(), [105, 999]);
    assert.deepEqual(new Journal(journal).skipped, []);
  }, { showPublished: new Map([[101, true]]) });

  portal('nothing left to publish is a report without files that is ok', [101], async ({ client, journal, emails }) => {
    const options = { ...MODES, journal, reports: [JOB], skipPublished: true };
    const report = await client.publishBatch(null, options);
    for (const same of [report, await client.publishBatch(null, options), await client.resume(journal), new Journal(journal).report]) {
      assert.deepEqual([same.ok, same.settled, same.files, [...same], same.undecided], [true, true, [], [], []]);
      assert.deepEqual(same.counts, { total: 0, ok: 0, failed: 0, unknown: 0, notProcessed: 0, undecided: 0 });
      assert.equal(same.raiseForFailures(), same);
      assert.deepEqual(PublishReport.fromJSON(same.toJSON()), same);
    }
    assert.match(`${report} ${inspect(report)}`, /asked: publish/);
    assert.deepEqual([new Journal(journal).toJSON().skipped, emails()], [[101], []]);
  }, { showPublished: { 101: true } });
});

describe('settling', () => {
  const files = range(101, 106);
  const options = (journal) => ({ ...MODES, journal, reports: [JOB], chunkSize: 2 });
  /** A batch of three chunks, the second of which meets a fault. */
  const lose = async ({ portal: started, client, journal }, fault) => {
    started.control('faults', { faults: ['stray_bytes', fault] });
    const error = await client.publishBatch(null, options(journal)).catch((thrown) => thrown);
    assert.ok(error instanceof OutcomeUnknownError, error);
    return new Journal(journal);
  };

  portal('a lost chunk is settled and resumed, and everybody gets one e-mail', files, async (setup) => {
    const { client, journal, emails } = setup;
    const book = await lose(setup, 'close_after_head');
    assert.deepEqual(book.undecided, [103, 104]);
    assert.equal((await book.settle(client)).applied, false);
    await sleep(SLOW.tenMinutes);
    const before = readFileSync(journal);
    const proposed = await book.settle(client);
    assert.deepEqual(readFileSync(journal), before, 'nothing is written unless it is applied');
    assert.deepEqual([...proposed].map(({ fileId, portfolioName, decision }) => [fileId, portfolioName, decision]), [
      [103, 'Client 103', 'not_published'], [104, 'Client 104', 'not_published'],
    ]);
    assert.match(proposed.files[0].evidence, /not published at/);
    assert.ok(proposed.lookedAt.length >= 2 && proposed.lookedAt.every((time) => time instanceof Date));
    assert.deepEqual([book.undecided, emails()], [[103, 104], [101, 102]]);
    const applied = await book.settle(client, undefined, { apply: true });
    assert.deepEqual([applied.applied, applied.left, book.undecided], [true, [], []]);
    for (const value of [applied, applied.files, applied.files[0], applied.left, applied.lookedAt]) {
      assert.ok(Object.isFrozen(value));
    }
    const { looked_at: lookedAt, ...json } = applied.toJSON();
    assert.deepEqual(lookedAt.map((time) => Date.parse(time)), applied.lookedAt.map((time) => time.getTime()));
    assert.deepEqual(json.files[0], { file_id: 103, portfolio_name: 'Client 103', decision: 'not_published', evidence: applied.files[0].evidence });
    const { decision, decidedBy, decidedAt, evidence } = book.files[2];
    assert.deepEqual([decision, decidedBy, decidedAt instanceof Date, evidence], ['not_published', 'settle', true, applied.files[0].evidence]);
    assert.deepEqual((await book.settle(client, [], { apply: true })).files, [], 'nothing is left to settle');
    assert.deepEqual(emails(), [101, 102], 'settling sends nothing');
    assert.ok((await client.resume(journal)).ok);
    assert.deepEqual(emails(), files);
  }, { clock: SLOW.clock });

  portal('a chunk that was processed is settled and never sent again', files, async (setup) => {
    const { client, journal, emails } = setup;
    const book = await lose(setup, 'close_before_answer');
    const settled = await book.settle(client, undefined, { apply: true });
    assert.deepEqual([...settled].map(({ decision }) => decision), ['published', 'published']);
    const report = await client.resume(journal);
    assert.ok(report.settled);
    assert.equal(report.unknown.length, 2, 'the state stays what the server said');
    assert.deepEqual(emails(), files);
  });

  portal('half of a chunk waits for a person', files, async (setup) => {
    const { client, journal, emails } = setup;
    const book = await lose(setup, 'half_done');
    await sleep(TEN_MINUTES);
    const settled = await book.settle(client, undefined, { apply: true });
    assert.deepEqual([...settled].map(({ fileId, decision }) => [fileId, decision]), [[103, 'published'], [104, null]]);
    assert.deepEqual([settled.left, book.undecided], [[104], [104]]);
    assert.equal(`${settled}`, `Settlement { applied: true, left: [ 104 ] } of ${settled.files.length} files`);
    const sent = emails();
    const error = await client.resume(journal).catch((thrown) => thrown);
    assert.ok(error instanceof JournalError);
    assert.deepEqual([error.undecided, emails()], [[104], sent]);
  });

  portal('it looks at the reports that the journal names, or the caller', [101, 102], async ({ portal: started, client, journal }) => {
    started.nextFault('close_before_answer');
    await assert.rejects(client.publishBatch([101, 102], { ...MODES, journal }), OutcomeUnknownError);
    const book = new Journal(journal);
    await assert.rejects(book.settle(client, undefined, { apply: true }), InputError);
    assert.deepEqual((await book.settle(client, [JOB], { apply: true })).left, [101, 102], 'nobody looked before');
    for (const [given, message] of [
      [[null], /^`client` must be a PortalClient, not null\./],
      [[{ publishFiles() {} }], /^`client` must be a PortalClient, not /],
      [[client, JOB], /^`jobIds` must be an array of strings, not "7d4e/],
      [[client, { apply: true }], /^`jobIds` must be an array of strings, not /],
      [[client, ['../portal']], /^`jobId` must be the id of a job/],
      [[client, [JOB], { apply: 'yes' }], /^`apply` must be a boolean, not "yes" \(string\)\./],
    ]) {
      await assert.rejects(book.settle(...given), (error) => error instanceof InputError && message.test(error.message) || assert.fail(`${message}: ${error}`));
    }
  });

  portal('a signal ends it with its reason, and nothing is decided', files, async (setup) => {
    const { portal: started, client, journal } = setup;
    const book = await lose(setup, 'close_after_head');
    const before = readFileSync(journal);
    const gets = started.requests.length;
    started.control('report_faults', { faults: ['hang'] });
    const [controller, reason] = [new AbortController(), new Error('changed my mind')];
    const call = book.settle(client, undefined, { apply: true, signal: controller.signal });
    while (started.requests.length === gets) {
      await sleep(5);
    }
    controller.abort(reason);
    await assert.rejects(call, (error) => error === reason);
    assert.deepEqual(readFileSync(journal), before);
    assert.deepEqual(new Journal(journal).undecided, [103, 104]);
  });

  portal('a signal ends the wait between two looks, and the journal can be used', files, async (setup) => {
    const { portal: started, client, journal } = setup;
    const book = await lose(setup, 'close_after_head');
    const [controller, reason, gets] = [new AbortController(), new Error('changed my mind'), started.requests.length];
    const call = book.settle(client, undefined, { apply: true, signal: controller.signal });
    while (started.requests.length === gets) {
      await sleep(5);
    }
    await sleep(50);
    controller.abort(reason);
    await assert.rejects(call, (error) => error === reason);
    assert.equal(started.requests.length, gets + 1);
    book.decide([103, 104], 'leave', { by: 'A. Person' });
    assert.deepEqual(new Journal(journal).undecided, []);
    assert.ok((await client.resume(journal)).settled);
  }, { clock: 1 });

  /** One request in twenty is lost in some way. A person is asked about what the reports cannot prove. */
  portal('2,000 files are settled and resumed to the end, each e-mailed once', range(1, 2000), async (setup) => {
    const { portal: started, client, journal, emails } = setup;
    const lost = ['close_before_answer', 'close_after_head', 'half_done', 'reset_in_body'];
    const faults = range(0, 199).map((n) => (n % 20 === 10 ? lost[Math.floor(n / 20) % lost.length] : 'stray_bytes'));
    started.control('faults', { faults });
    const batch = { ...options(journal), chunkSize: 20 };
    let [report, proven, asked] = [undefined, 0, 0];
    while (!report) {
      try {
        report = await client.publishBatch(null, batch);
      } catch (error) {
        assert.ok(error.undecided.length > 0, error);
        await sleep(TEN_MINUTES);
        const book = new Journal(journal);
        const { files: found, left } = await book.settle(client, undefined, { apply: true });
        assert.deepEqual(book.undecided, left);
        proven += found.length - left.length;
        asked += left.length;
        const out = new Set(emails());
        for (const fileId of left) {
          book.decide([fileId], out.has(fileId) ? 'published' : 'not_published', { by: 'A. Person', evidence: 'the outbox' });
        }
      }
    }
    assert.ok(report.settled);
    assert.deepEqual(emails(), range(1, 2000), 'every file was e-mailed once');
    assert.ok(proven > 0 && asked > 0, `${proven} proven, ${asked} asked`);
  });
});
