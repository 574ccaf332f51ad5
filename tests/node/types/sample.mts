// Compiled, not run. Each line after @ts-expect-error must be an error.

import {
  type AnyPortalError,
  type ErrorCode,
  type FileState,
  type GeneratedPortfolio,
  GeneratedReport,
  isPortalError,
  Journal,
  OutcomeUnknownError,
  PortalClient,
  PortalError,
  type PortalPublishing,
  PublishReport,
  PublishRequest,
  publishBatch,
  publishFiles,
  RateLimitedError,
  type SettledFile,
  type Settlement,
} from 'addepar-portal';
import { type FaultName, SimulatedPortal } from 'addepar-portal/testing';

const modes = { portalPublishing: 'publish', contactNotification: 'do_not_notify' } as const;

const client = new PortalClient({ firmName: 'examplefirm', environment: 'sandbox', accessToken: async () => 'token' });
const report: PublishReport = await client.publishFiles([37, '38', 39n], { ...modes, signal: AbortSignal.timeout(1000) });
await publishFiles(new Set([37]), { ...modes, client });
await publishFiles(BigInt64Array.of(37n), { ...modes, publishOverrideContactIds: [23] });

await publishFiles(new Map([[37, 'A']]).keys(), { ...modes, client });
await publishFiles((function* () { yield 37; })(), { ...modes, client });
void new PortalClient({ baseUrl: new URL('http://127.0.0.1:1'), journalDir: new URL('file:///journals'), accessToken: ({ signal }) => String(signal.aborted) });
void new PortalClient({ logger: console });
void new PortalClient({ logger: { debug() {}, info: (message, { callId, attempt }) => void [message, callId, attempt], warn() {} } });
await client.publishBatch([37], { ...modes, journal: new URL('file:///run.jsonl'), signal: AbortSignal.timeout(1), dropSignal: AbortSignal.timeout(2) });
// @ts-expect-error a single call has no second stop
await publishFiles([37], { ...modes, dropSignal: AbortSignal.timeout(2) });
// @ts-expect-error the pairs of a Map are not ids
await publishFiles(new Map([[37, 38]]), modes);
// @ts-expect-error both modes are required
await publishFiles([37], { portalPublishing: 'publish' });
await publishFiles([37], { portalPublishing: 'PUBLISH', contactNotification: 'DO_NOT_NOTIFY', client });
// @ts-expect-error a mode that does not exist
await publishFiles([37], { ...modes, contactNotification: 'maybe' });
// @ts-expect-error a misspelt option
await publishFiles([37], { ...modes, signl: undefined });
// @ts-expect-error a string is not a collection
await publishFiles('37', modes);
// @ts-expect-error it rounds ids to other ids
await publishFiles(Float32Array.of(37), modes);
// @ts-expect-error a setting that does not exist
void new PortalClient({ timeout: 90 });
// @ts-expect-error an environment that does not exist
void new PortalClient({ environment: 'staging' });

for (const file of report) {
  const state: FileState = file.state;
  const contacts: readonly number[] | null = file.contactsNotPublished;
  void [state, contacts];
  // @ts-expect-error immutable
  file.state = 'ok';
}

const failedOn: Date | null | undefined = report.attempts[0]?.sentAt;
const mode: PortalPublishing = new PublishRequest([37], modes).portalPublishing;
const again: PublishReport = PublishReport.fromJSON(report.toJSON()).raiseForFailures();
void [failedOn, mode, again];

try {
  await client.publishFiles([37], modes);
} catch (error) {
  if (error instanceof OutcomeUnknownError) {
    const code: 'ERR_OUTCOME_UNKNOWN' = error.code;
    const ids: readonly number[] = error.fileIds;
    void [code, ids];
  } else if (error instanceof RateLimitedError) {
    const wait: number | null = error.retryAfterMs;
    void wait;
  } else if (error instanceof PortalError) {
    const all: number | undefined = error.counts?.total;
    const [first]: readonly number[] = error.firstFileIds;
    const journal: string | null = error.journal;
    const undecided: readonly number[] = error.undecided;
    const everything: number[] = error.toJSON().file_ids;
    void [all, first, journal, undecided, everything, error.toJSON('error').counts];
    const status: number | null = error.httpStatus;
    void status;
    // @ts-expect-error web frameworks would answer with it
    void error.statusCode;
  }
}

// The code alone says which error it is.
try {
  await client.publishFiles([37], modes);
} catch (error) {
  if (!isPortalError(error)) throw error;
  switch (error.code) {
    case 'ERR_RATE_LIMITED': {
      const wait: number | null = error.retryAfterMs;
      void wait;
      break;
    }
    case 'ERR_OUTCOME_UNKNOWN':
    case 'ERR_ALREADY_SENT': {
      const ids: readonly number[] = error.fileIds;
      void ids;
      break;
    }
    case 'ERR_REJECTED':
    case 'ERR_AUTHENTICATION':
    case 'ERR_PERMISSION_DENIED': {
      const status: number | null = error.httpStatus;
      void status;
      // @ts-expect-error the quota is another matter
      void error.retryAfterMs;
      break;
    }
    case 'ERR_INPUT': {
      // @ts-expect-error only of files that were sent before
      void error.fileIds;
      break;
    }
    case 'ERR_CONFIG':
    case 'ERR_CONNECT':
    case 'ERR_PUBLISH_FAILURES':
    case 'ERR_JOURNAL':
    case 'ERR_STOPPED':
      break;
    default: {
      const none: never = error;
      void none;
    }
  }
}
// So it does after `instanceof`, in any of which a class of another kind stays what it is.
try {
  await client.publishFiles([37], modes);
} catch (error) {
  if (!(error instanceof PortalError)) throw error;
  switch (error.code) {
    case 'ERR_RATE_LIMITED': {
      const wait: number | null = error.retryAfterMs;
      void wait;
      break;
    }
    case 'ERR_OUTCOME_UNKNOWN': {
      const ids: readonly number[] = error.fileIds;
      void ids;
      break;
    }
    default:
      // @ts-expect-error of two classes alone
      void error.fileIds;
  }
  const isOneOf: boolean = [OutcomeUnknownError, RateLimitedError].some((Class) => error instanceof Class);
  class Mine extends RateLimitedError {
    readonly mine = true;
  }
  if (error instanceof Mine) {
    const mine: boolean = error.mine;
    void mine;
  }
  void isOneOf;
}
void new OutcomeUnknownError({ message: 'lost', fileIds: [37], httpStatus: 503, elapsedMs: 90_000 });
void new RateLimitedError({ retryAfterMs: 1500 }, null, { cause: 'a test' });
void new RateLimitedError(new RateLimitedError().toJSON());
// @ts-expect-error a member that no error has
void new OutcomeUnknownError({ fileId: [37] });
const everyCode = (code: ErrorCode): AnyPortalError['code'] => code;
void everyCode;

const generated: GeneratedReport = await client.generatedReport('job', { signal: AbortSignal.timeout(1000) });
const [newest]: GeneratedReport[] = await client.generatedReports({ completedAfter: new Date(), status: ['FINISHED'], entityId: 21 });
const portfolios: readonly GeneratedPortfolio[] | undefined = newest?.generatedPortfolios;
const everPublished: boolean | null | undefined = portfolios?.[0]?.hasBeenPublished;
const name: string | undefined = generated.portfolioNames.get(101);
await client.publishFiles(generated, modes);
await publishBatch(null, { ...modes, journal: 'run.jsonl', reports: [generated.jobId], skipPublished: true, client });
// @ts-expect-error a list that was lost is not the whole report
await client.publishBatch(undefined, { ...modes, journal: 'run.jsonl', reports: ['job'] });
const settlement: Settlement = await new Journal('run.jsonl').settle(client, ['job'], { apply: true });
const settled: SettledFile[] = [...settlement];
const proof: 'published' | 'not_published' | null | undefined = settled[0]?.decision;
const portfolioName: string | null | undefined = report.files[0]?.portfolioName;
void [everPublished, name, proof, portfolioName, settlement.left.length, settlement.lookedAt[0]?.getTime()];
// @ts-expect-error no file goes out without being named
await client.publishFiles(null, modes);
// @ts-expect-error one job is not a list of them
await publishBatch(null, { ...modes, journal: 'run.jsonl', reports: 'job' });
// @ts-expect-error a batch that is resumed has its files
await client.resume('run.jsonl', { reports: ['job'] });
// @ts-expect-error times are dates
await client.generatedReports({ completedAfter: '2026-11-24' });
// @ts-expect-error a journal is settled with a client
await new Journal('run.jsonl').settle(['job']);
// @ts-expect-error made by a client alone
void new GeneratedReport({});
// @ts-expect-error immutable
generated.fileIds.push(1);

const portal = await SimulatedPortal.start({
  generatedReports: [{ jobId: 'job', attributes: { reportName: 'Q3' }, generatedPortfolios: [{ fileId: 37, portfolioName: 'A' }] }],
  clock: 3600,
  publishedLag: 60,
  showPublished: { 37: null },
});
await portal.close();
// @ts-expect-error a portfolio without its file
await SimulatedPortal.start({ generatedReports: [{ jobId: 'job', generatedPortfolios: [{ portfolioName: 'A' }] }] });

const simulated = await SimulatedPortal.start({ files: { 37: [1, 2] }, emails: 'per_call' });
simulated.nextFault('rate_limited', { retryAfter: '1' });
const fault: FaultName = 'status:503';
simulated.nextFault(fault);
// @ts-expect-error a fault that the simulator does not know
simulated.nextFault('explode');
const contacts: number[] = simulated.published(37);
void [contacts, simulated.client({ timeoutMs: 1000 })];
await simulated[Symbol.asyncDispose]();
