import { inspect } from 'node:util';

import { finish, type Host, type Logger, type TokenCallable } from './call';
import { raise, refuseOthers, succeeded } from './errors';
import { type Ids, shown, typeName } from './ids';
import { type Client, type ClientSettings, native } from './native';
import { own, withoutPrototype } from './options';
import type { PublishReport } from './report';
import { type BatchOptions, createRequest, type PublishOptions, REQUEST_OPTIONS, type ResumeOptions } from './request';

/** Addepar's environments. */
export type Environment = 'production' | 'development' | 'sandbox';

/** An OAuth 2.0 access token, or a function that is asked for one, and once more after a 401. */
export type AccessToken = string | TokenCallable;

/**
 * Settings; what is not given comes from the environment or has a default. As in all options, own enumerable
 * properties count; `undefined` is not given.
 */
export interface PortalClientOptions {
  /** The firm's subdomain, such as `examplefirm` (`ADDEPAR_FIRM_NAME`). */
  firmName?: string | undefined;
  /** Default `production` (`ADDEPAR_ENVIRONMENT`). */
  environment?: Environment | undefined;
  /** The firm's id, sent as `Addepar-Firm` (`ADDEPAR_FIRM_ID`). */
  firmId?: string | undefined;
  /** The API key (`ADDEPAR_KEY_ID`). */
  keyId?: string | undefined;
  /** The API secret (`ADDEPAR_KEY_SECRET`). */
  keySecret?: string | undefined;
  /** Instead of key and secret (`ADDEPAR_ACCESS_TOKEN`). */
  accessToken?: AccessToken | undefined;
  /** The base URL, instead of firm name and environment (`ADDEPAR_BASE_URL`). */
  baseUrl?: string | undefined;
  /** Milliseconds for one attempt, waits excluded; default 90,000, above the server's own 60,000. */
  timeoutMs?: number | undefined;
  /** Milliseconds for connecting; default 10,000. */
  connectTimeoutMs?: number | undefined;
  /** Milliseconds that all waits for the rate limit may take together; default 60,000. */
  maxRateLimitWaitMs?: number | undefined;
  /** The URL of an HTTP proxy (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`). */
  proxy?: string | undefined;
  /** A PEM file with certificates that are trusted beside the system's. */
  caFile?: string | undefined;
  /** A folder in which every call leaves a journal (`ADDEPAR_JOURNAL_DIR`); what it shows is not sent again. */
  journalDir?: string | undefined;
  /** Who is told what calls do, such as `console`; default nobody. */
  logger?: Logger | undefined;
}

/** The options of each call. */
const PUBLISH_OPTIONS = [...REQUEST_OPTIONS, 'signal', 'repeat'] as const;
const RESUME_OPTIONS = ['onProgress', 'maxWaitMs', 'pace', 'signal', 'stopTimeoutMs'] as const;
const BATCH_OPTIONS = [...REQUEST_OPTIONS, ...RESUME_OPTIONS, 'journal', 'chunkSize', 'repeat'] as const;

/** The types of the settings: JavaScript lets any through. */
const TYPES: Readonly<Record<keyof PortalClientOptions, readonly string[]>> = {
  firmName: ['string'],
  environment: ['string'],
  firmId: ['string'],
  keyId: ['string'],
  keySecret: ['string'],
  accessToken: ['string', 'function'],
  baseUrl: ['string'],
  timeoutMs: ['number'],
  connectTimeoutMs: ['number'],
  maxRateLimitWaitMs: ['number'],
  proxy: ['string'],
  caFile: ['string'],
  journalDir: ['string'],
  logger: ['object'],
};

/** The names of {@link PortalClientOptions}. */
export const SETTINGS = Object.keys(TYPES) as readonly (keyof PortalClientOptions)[];

/** A client for one firm. It does not keep the process alive; one serves any number of calls at once. */
export class PortalClient {
  readonly #handle: Client;
  readonly #host: Host;

  /**
   * @param options - Settings; what is not given comes from the environment.
   * @throws {@link ConfigError} naming the setting that is missing, contradictory or of no use.
   */
  constructor(options?: PortalClientOptions) {
    const { accessToken, logger, ...settings } = given(options);
    const asked = typeof accessToken === 'function';
    this.#host = { accessToken: asked ? accessToken : undefined, logger: checked(logger) };
    const token = asked || accessToken === undefined ? {} : { accessToken };
    const all = withoutPrototype<object>(settings, token, { asksForToken: asked }) as ClientSettings;
    this.#handle = succeeded(native.Client.create(all, environment()));
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
    const { signal, repeat, ...rest } = own(options, PUBLISH_OPTIONS);
    const request = createRequest(fileIds, rest);
    checkOptions({ signal, repeat });
    signal?.throwIfAborted();
    const call = succeeded(this.#handle.start(request, repeat, this.#environment()));
    return await finish(call, this.#host, signal);
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
    const { journal, chunkSize, onProgress, maxWaitMs, pace, repeat, signal, stopTimeoutMs, ...rest } = own(
      options,
      BATCH_OPTIONS,
    );
    const request = createRequest(fileIds, rest, true);
    const settings = { journal, chunkSize, maxWaitMs, pace, repeat, stopTimeoutMs };
    checkOptions({ ...settings, onProgress, signal });
    signal?.throwIfAborted();
    const call = succeeded(this.#handle.startBatch(request, present(settings), this.#environment()));
    return await finish(call, this.#host, signal, onProgress);
  }

  /**
   * Goes on with the batch that a journal is of. Files that a person found not to be published are
   * sent, in chunks of their own.
   *
   * @throws As {@link publishBatch}.
   */
  async resume(journal: string, options?: ResumeOptions): Promise<PublishReport> {
    const { onProgress, maxWaitMs, pace, signal, stopTimeoutMs, ...unknown } = own(options, RESUME_OPTIONS);
    refuseOthers(unknown, 'onProgress, maxWaitMs, pace, signal and stopTimeoutMs.');
    const settings = { journal, maxWaitMs, pace, stopTimeoutMs };
    checkOptions({ ...settings, onProgress, signal });
    signal?.throwIfAborted();
    const call = succeeded(this.#handle.startResume(present(settings), this.#environment()));
    return await finish(call, this.#host, signal, onProgress);
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
    return `PortalClient { baseUrl: ${inspect(this.baseUrl)}, firmId: ${inspect(this.firmId)} }`;
  }
}

/**
 * Publishes 1 to 500 files with `client`, or with one that is made of the environment's variables.
 *
 * @see {@link PortalClient.publishFiles} for results and errors.
 */
export async function publishFiles(
  fileIds: Ids,
  options: PublishOptions & { client?: PortalClient | undefined },
): Promise<PublishReport> {
  const { client, ...rest } = own(options, [...PUBLISH_OPTIONS, 'client']);
  return await withClient(client, (used) => used.publishFiles(fileIds, rest));
}

/**
 * Publishes any number of files with a journal, with `client` or with one that is made of the
 * environment's variables.
 *
 * @see {@link PortalClient.publishBatch} for results and errors.
 */
export async function publishBatch(
  fileIds: Ids,
  options: BatchOptions & { client?: PortalClient | undefined },
): Promise<PublishReport> {
  const { client, ...rest } = own(options, [...BATCH_OPTIONS, 'client']);
  return await withClient(client, (used) => used.publishBatch(fileIds, rest));
}

async function withClient<T>(client: PortalClient | undefined, use: (client: PortalClient) => Promise<T>): Promise<T> {
  if (client !== undefined) {
    if (typeof client?.publishFiles !== 'function') {
      raise(native.Failure.input(`client is ${shown(client)}: it is a PortalClient.`));
    }
    return await use(client);
  }
  return await use(new PortalClient());
}

/** The types of the options: JavaScript lets any through. */
const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  journal: ['string'],
  chunkSize: ['number'],
  maxWaitMs: ['number'],
  stopTimeoutMs: ['number'],
  pace: ['boolean'],
  repeat: ['string'],
  onProgress: ['function'],
};

/** Refuses options of a type that the core does not know; a journal has to be there where it is named. */
function checkOptions({ signal, ...options }: { signal?: AbortSignal | undefined; [name: string]: unknown }): void {
  for (const [name, value] of Object.entries(options)) {
    const types = OPTIONS[name] ?? [];
    if (!types.includes(typeof value) && (value !== undefined || name === 'journal')) {
      raise(native.Failure.input(`${name} is ${shown(value)}: it is a ${types.join(' or ')}.`));
    }
  }
  if (signal !== undefined && !isSignal(signal)) {
    raise(native.Failure.input(`signal is ${shown(signal)}: it is an AbortSignal.`));
  }
}

/** Whether it has what is used of one: some are polyfills, or of another realm. */
function isSignal(signal: AbortSignal | null): boolean {
  const methods = ['throwIfAborted', 'addEventListener', 'removeEventListener'] as const;
  return typeof signal?.aborted === 'boolean' && methods.every((method) => typeof signal[method] === 'function');
}

/** The options that were given: the addon takes no `undefined`. */
function present<T extends object>(options: T): T {
  return withoutPrototype(Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))) as T;
}

/** The settings that were given, each of a type that the core knows. */
function given(options: PortalClientOptions | undefined): PortalClientOptions {
  const settings = present(own(options, SETTINGS, 'config'));
  for (const [name, value] of Object.entries(settings)) {
    const types = Object.hasOwn(TYPES, name) ? TYPES[name as keyof PortalClientOptions] : undefined;
    if (!types) {
      raise(native.Failure.config(`\`${name}\` is no setting: there are ${SETTINGS.join(', ')}.`));
    }
    if (value === null || !types.includes(typeof value)) {
      raise(native.Failure.config(`${name} is of type ${typeName(value)}: it is a ${types.join(' or ')}.`));
    }
    // It may be a secret, so it is not shown; and another one must not be sent in its place.
    if (typeof value === 'string' && !value.isWellFormed()) {
      raise(native.Failure.config(`${name} has a character that it cannot have: half of a surrogate pair.`));
    }
  }
  return settings;
}

/** A logger that can take every level. */
function checked(logger: Logger | undefined): Logger | undefined {
  for (const level of logger === undefined ? [] : (['debug', 'info', 'warn'] as const)) {
    if (typeof logger?.[level] !== 'function') {
      raise(native.Failure.config(`logger has no method ${level}: it has debug, info and warn, as console does.`));
    }
  }
  return logger;
}

/** The variables that the core reads, as this thread has them. */
function environment(): Record<string, string> {
  const variables = withoutPrototype<Record<string, string>>();
  for (const name of native.variables()) {
    const value = Object.hasOwn(process.env, name) ? process.env[name] : undefined;
    if (value !== undefined) {
      variables[name] = value;
    }
  }
  return variables;
}
