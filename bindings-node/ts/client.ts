/** A client for one firm, and the functions that make one from the environment where none is given. */

import { inspect } from 'node:util';

import { finish, type Host } from './call';
import { succeeded } from './failure';
import type { Ids } from './ids';
import { type BatchSettings, type Client, type ClientSettings, native } from './native';
import { checked, hasMethods, kind, STRING, type Table, take, withoutPrototype } from './options';
import type { PublishReport } from './report';
import { BATCH, type BatchOptions, createRequest, PUBLISH, type PublishOptions, RESUME, type ResumeOptions } from './request';
import { environment, type PortalClientOptions, program, SETTINGS } from './settings';

/** A client for one firm. It does not keep the process alive; one serves any number of calls at once. */
export class PortalClient {
  readonly #handle: Client;
  readonly #host: Host;

  /**
   * @param options - Settings; what is not given comes from the environment.
   * @throws {@link ConfigError} naming the setting that is missing, contradictory or of no use.
   */
  constructor(options?: PortalClientOptions) {
    const { accessToken, logger, ...given } = take(options, SETTINGS);
    const asksForToken = typeof accessToken === 'function';
    this.#host = { accessToken: asksForToken ? accessToken : undefined, logger };
    const token = { accessToken: asksForToken ? undefined : accessToken, asksForToken };
    this.#handle = succeeded(
      native.Client.create(withoutPrototype<ClientSettings>(given, token), environment(), program()),
    );
    const warning = this.#handle.warning();
    if (warning) {
      process.emitWarning(warning, 'AddeparPortalWarning');
    }
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
   * Publishes 1 to 500 files with exactly one POST that the server may process.
   *
   * A partial failure is a result, not an error. Every error carries a report with the state of
   * each file; after an {@link OutcomeUnknownError} look in Addepar before you send again.
   *
   * @throws {@link InputError}, {@link ConfigError}, {@link ConnectError}, {@link RejectedError} and
   * its subclasses: nothing was processed. {@link OutcomeUnknownError}: it may have been.
   */
  async publishFiles(fileIds: Ids, options: PublishOptions): Promise<PublishReport> {
    const given = take(options, PUBLISH);
    const request = createRequest(fileIds, given);
    given.signal?.throwIfAborted();
    const call = succeeded(this.#handle.start(request, given.repeat, this.#environment()));
    return await finish(call, this.#host, given.signal);
  }

  /**
   * Publishes any number of files in chunks, one request at a time, with a journal.
   *
   * Called again with the same arguments and the same journal it goes on where it ended: what was
   * processed, or may have been, is never sent again.
   *
   * @throws As {@link publishFiles}; the batch stops at the first chunk that is refused or whose outcome
   * is unknown. {@link JournalError}: the journal cannot be used, or waits for a decision about unknown
   * files: then nothing more is sent, and its report says what was. {@link StoppedError}: the signal stopped it.
   */
  async publishBatch(fileIds: Ids, options: BatchOptions): Promise<PublishReport> {
    const given = take(options, BATCH);
    const request = createRequest(fileIds, given, true);
    given.signal?.throwIfAborted();
    const call = succeeded(this.#handle.startBatch(request, given, this.#environment()));
    return await finish(call, this.#host, given.signal, given.onProgress);
  }

  /**
   * Goes on with the batch that a journal is of. Files that a person found not to be published are
   * sent, in chunks of their own.
   *
   * @throws As {@link publishBatch}.
   */
  async resume(journal: string, options?: ResumeOptions): Promise<PublishReport> {
    const given = take(options, RESUME);
    const settings = withoutPrototype<BatchSettings>(given, { journal: checked('journal', journal, STRING) });
    given.signal?.throwIfAborted();
    const call = succeeded(this.#handle.startResume(settings, this.#environment()));
    return await finish(call, this.#host, given.signal, given.onProgress);
  }

  #environment(): Record<string, string> {
    return this.#handle.isLocal() ? withoutPrototype() : environment();
  }

  /** Does nothing: no connection outlives its call. It is here for `using`. */
  close(): void {}

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /** @internal */
  [inspect.custom](): string {
    // What a mock makes of the class has no handle.
    if (!(#handle in this)) {
      return 'PortalClient {}';
    }
    return `PortalClient { baseUrl: ${inspect(this.baseUrl)}, firmId: ${inspect(this.firmId)} }`;
  }
}

interface WithClient {
  client?: PortalClient | undefined;
}

const CLIENT = kind('a PortalClient', (client) => hasMethods(client, ['publishFiles']));

function withClient<T>({ as, kinds }: Table<T>): Table<T & WithClient> {
  return { as, kinds: { ...kinds, client: CLIENT } as Table<T & WithClient>['kinds'] };
}

/**
 * Publishes 1 to 500 files with `client`, or with one that is made of the environment's variables.
 *
 * @see {@link PortalClient.publishFiles} for results and errors.
 */
export async function publishFiles(fileIds: Ids, options: PublishOptions & WithClient): Promise<PublishReport> {
  const { client = new PortalClient(), ...rest } = take(options, withClient(PUBLISH));
  return await client.publishFiles(fileIds, rest);
}

/**
 * Publishes any number of files with a journal, with `client` or with one that is made of the
 * environment's variables.
 *
 * @see {@link PortalClient.publishBatch} for results and errors.
 */
export async function publishBatch(fileIds: Ids, options: BatchOptions & WithClient): Promise<PublishReport> {
  const { client = new PortalClient(), ...rest } = take(options, withClient(BATCH));
  return await client.publishBatch(fileIds, rest);
}
