/// <reference lib="esnext.disposable" preserve="true" />
/** A client for one firm, and the functions that make one from the environment where none is given. */

import { finish, type Host } from './call';
import { refuse, succeeded } from './failure';
import {
  type GeneratedReport,
  type GeneratedReportsOptions,
  packFilter,
  READ,
  type ReadOptions,
  readReports,
  REPORTS,
} from './generatedReports';
import { type BatchSettings, type Call, type Client, type ClientSettings, type Journal, native, type ReportFilter } from './native';
import { checked, hasMethods, isOptions, kind, PATH, refuseMore, STRING, type Table, take, withoutPrototype } from './options';
import { type PublishReport, reportOf } from './report';
import {
  BATCH,
  type BatchOptions,
  createBatchRequest,
  createRequest,
  type Files,
  PUBLISH,
  type PublishOptions,
  RESUME,
  type ResumeOptions,
} from './request';
import { environment, type PortalClientOptions, program, SETTINGS } from './settings';
import { inspect } from './util';
import { instead } from './words';

/** What it takes to settle a journal. */
interface Settling {
  readonly journal: Journal;
  readonly jobIds: readonly string[];
  readonly apply: boolean;
  readonly signal: AbortSignal | null | undefined;
}

/** Settles a journal with a client; JSON. */
export let settleWith: (client: PortalClient, settling: Settling) => Promise<string>;

/** Whether a value is a client, and not just something that publishes files. */
export let isClient: (value: unknown) => value is PortalClient;

/**
 * A client for one firm. It does not keep the process alive; one serves any number of calls at once. Each thread makes its own:
 * `postMessage` and `structuredClone` make an empty object of a client, since it holds credentials.
 */
export class PortalClient {
  readonly #handle: Client;
  readonly #host: Host;

  /**
   * @param options - Settings; what is not given comes from the environment.
   * @throws {@link ConfigError} naming the setting that is missing, contradictory or of no use.
   */
  constructor(options?: PortalClientOptions) {
    refuseMore(arguments, 1, SETTINGS);
    const { accessToken, logger, ...given } = take(options, SETTINGS);
    const asksForToken = typeof accessToken === 'function';
    this.#host = { accessToken: asksForToken ? accessToken : undefined, logger };
    const token = { accessToken: asksForToken ? undefined : accessToken, asksForToken };
    // What was a URL is text by now.
    const settings = withoutPrototype<ClientSettings>(given as Partial<ClientSettings>, token);
    this.#handle = succeeded(native.Client.create(settings, environment(), program()));
    const warning = this.#handle.warning();
    if (warning) {
      process.emitWarning(warning, 'AddeparPortalWarning');
    }
  }

  static {
    settleWith = (client, settling) => client.#settle(settling);
    isClient = (value): value is PortalClient => typeof value === 'object' && value !== null && #handle in value;
  }

  /** The base URL, without `/v1`. */
  get baseUrl(): string {
    return this.#handle.baseUrl();
  }

  /** The firm's id. */
  get firmId(): string {
    return this.#handle.firmId();
  }

  /**
   * Publishes 1 to 500 files, or those of a generated report, with exactly one POST that the server may process.
   *
   * A partial failure is a result, not an error. Every error carries a report with the state of
   * each file; after an {@link OutcomeUnknownError} look in Addepar before you send again.
   *
   * @throws {@link InputError}, {@link ConfigError}, {@link ConnectError}, {@link RejectedError} and
   * its subclasses: nothing was processed by this call. {@link AlreadySentError}, an `InputError`: earlier calls have sent
   * some of the files. {@link OutcomeUnknownError}: it may have been processed.
   */
  async publishFiles(fileIds: Files, options: PublishOptions): Promise<PublishReport> {
    const handle = PortalClient.#handleOf(this, 'publishFiles');
    refuseMore(arguments, 2, PUBLISH);
    refuseOptionsAlone(fileIds, options, 'a list of ids');
    const given = take(options, PUBLISH);
    const request = createRequest(fileIds, given);
    given.signal?.throwIfAborted();
    const call = succeeded(handle.start(request, given.repeat, PortalClient.#environment(handle)));
    return reportOf(await finish(call, this.#host, { signal: given.signal }));
  }

  /**
   * Publishes any number of files in chunks, one request at a time, with a journal. `null` in the place of the list stands
   * for all files of the generated reports that `reports` names.
   *
   * Called again with the same arguments and the same journal it continues where it ended: what was
   * processed, or may have been, is never sent again.
   *
   * @throws As {@link publishFiles}, but earlier chunks may have been processed, whatever the class: `outcome` and `report`
   * are about the whole batch. It stops at the first chunk that is refused or whose outcome is unknown. {@link JournalError}: the journal cannot be used, or waits for a decision about unknown
   * files: then nothing more is sent, and its report says what was. {@link StoppedError}: the signal stopped it.
   */
  async publishBatch(fileIds: Files | null, options: BatchOptions): Promise<PublishReport> {
    const handle = PortalClient.#handleOf(this, 'publishBatch');
    refuseMore(arguments, 2, BATCH);
    refuseOptionsAlone(fileIds, options);
    const given = take(options, BATCH);
    const request = createBatchRequest(fileIds, given);
    throwIfAborted(given);
    const settings = given as BatchSettings;
    const call = succeeded(handle.startBatch(request, settings, PortalClient.#environment(handle)));
    return reportOf(await finish(call, this.#host, given));
  }

  /**
   * Resumes the batch of a journal. Files that a person found not to be published are
   * sent, in chunks of their own.
   *
   * @throws As {@link publishBatch}.
   */
  async resume(journal: string | URL, options?: ResumeOptions): Promise<PublishReport> {
    const handle = PortalClient.#handleOf(this, 'resume');
    refuseMore(arguments, 2, RESUME);
    const given = take(options, RESUME);
    const path = PATH.read(checked('journal', journal, PATH)) as string;
    throwIfAborted(given);
    const settings = withoutPrototype<BatchSettings>(given, { journal: path });
    const call = succeeded(handle.startResume(settings, PortalClient.#environment(handle)));
    return reportOf(await finish(call, this.#host, given));
  }

  /**
   * What one job generated: its portfolios, their files, and whether each file was ever published.
   *
   * A GET, which changes nothing: it is repeated after a fault, and each counts against the firm's quota. It needs the
   * permission "Access to all tools and portfolios", or the scope `FILES`. Source: the vendor's page "Generated Reports".
   *
   * @param jobId - The job's id, a UUID.
   * @throws {@link InputError}, {@link ConfigError}: nothing was asked. {@link RejectedError} and its subclasses: the
   * server does not show it, or not readably. {@link ConnectError}: no answer came.
   */
  async generatedReport(jobId: string, options?: ReadOptions): Promise<GeneratedReport> {
    const handle = PortalClient.#handleOf(this, 'generatedReport');
    refuseMore(arguments, 2, READ);
    const { signal } = take(options, READ);
    checked('jobId', jobId, STRING);
    signal?.throwIfAborted();
    const [report] = await this.#read(handle.startReport(jobId, PortalClient.#environment(handle)), signal);
    return report as GeneratedReport;
  }

  /**
   * Every generated report that passes a filter, the newest first. Each page of the list is a request of its own.
   *
   * @throws As {@link generatedReport}.
   */
  async generatedReports(options?: GeneratedReportsOptions): Promise<GeneratedReport[]> {
    const handle = PortalClient.#handleOf(this, 'generatedReports');
    refuseMore(arguments, 1, REPORTS);
    const given = take(options, REPORTS);
    const filter = withoutPrototype<ReportFilter>(packFilter(given));
    given.signal?.throwIfAborted();
    return await this.#read(succeeded(handle.startReports(filter, PortalClient.#environment(handle))), given.signal);
  }

  async #read(call: Call<string>, signal: AbortSignal | null | undefined): Promise<GeneratedReport[]> {
    return readReports(await finish(call, this.#host, { signal }));
  }

  async #settle({ journal, jobIds, apply, signal }: Settling): Promise<string> {
    return await finish(this.#handle.startSettle(journal, jobIds, apply, PortalClient.#environment(this.#handle)), this.#host, { signal });
  }

  static #environment(handle: Client): Record<string, string> {
    return handle.isLocal() ? withoutPrototype() : environment();
  }

  /** The native side of the client that a method is called on: a method that was taken off its client has none. */
  static #handleOf(client: unknown, method: string): Client {
    if (!isClient(client)) {
      throw new TypeError(
        `\`${method}\` must be called on a PortalClient, ${instead(client)} Call it as \`client.${method}(…)\`; a clone of a ` +
          'client, as another thread receives it, is not one: make a client there. Nothing was sent.',
      );
    }
    return client.#handle;
  }

  /** Does nothing: no connection outlives its call. It is here for `using`. */
  close(): void {}

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /** Its base URL and its firm, without credentials. */
  toString(): string {
    // What a mock makes of the class has no handle.
    if (!(#handle in this)) {
      return 'PortalClient {}';
    }
    return `PortalClient { baseUrl: ${inspect(this.baseUrl)}, firmId: ${inspect(this.firmId)} }`;
  }

  /** @internal */
  [inspect.custom](): string {
    return PortalClient.prototype.toString.call(this);
  }
}

/** Options in the place of the list would be looked for in vain. */
function refuseOptionsAlone(
  fileIds: unknown,
  options: unknown,
  wanted = 'a list of ids, or null for all files of `reports`',
): void {
  if (options === undefined && isOptions(fileIds)) {
    refuse('input', `\`fileIds\` must come before the options: ${wanted}.`);
  }
}

/** Of a batch that is ended already, nothing is sent. */
function throwIfAborted({ signal, dropSignal }: ResumeOptions): void {
  dropSignal?.throwIfAborted();
  signal?.throwIfAborted();
}

/** The client of a call; without it, one is made from the environment. */
export interface WithClient {
  client?: PortalClient | undefined;
}

const CLIENT = kind('a PortalClient', (client) => hasMethods(client, ['publishFiles']));

function withClient<T>({ kinds, ...table }: Table<T>): Table<T & WithClient> {
  return { ...table, kinds: { ...kinds, client: CLIENT } as Table<T & WithClient>['kinds'] };
}

/**
 * Publishes 1 to 500 files with `client`, or with one that is made of the environment's variables.
 *
 * @see {@link PortalClient.publishFiles} for results and errors.
 */
export async function publishFiles(fileIds: Files, options: PublishOptions & WithClient): Promise<PublishReport> {
  refuseMore(arguments, 2, PUBLISH);
  refuseOptionsAlone(fileIds, options, 'a list of ids');
  const { client = new PortalClient(), ...rest } = take(options, withClient(PUBLISH));
  return await client.publishFiles(fileIds, rest);
}

/**
 * Publishes any number of files with a journal, with `client` or with one that is made of the
 * environment's variables.
 *
 * @see {@link PortalClient.publishBatch} for results and errors.
 */
export async function publishBatch(
  fileIds: Files | null,
  options: BatchOptions & WithClient,
): Promise<PublishReport> {
  refuseMore(arguments, 2, BATCH);
  refuseOptionsAlone(fileIds, options);
  const { client = new PortalClient(), ...rest } = take(options, withClient(BATCH));
  return await client.publishBatch(fileIds, rest);
}
