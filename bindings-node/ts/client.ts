import { inspect } from 'node:util';

import { finish, type Host, type Logger, type TokenCallable } from './call';
import { raise, succeeded } from './errors';
import { type Ids, shown, typeName } from './ids';
import { type Client, type ClientSettings, native } from './native';
import type { PublishReport } from './report';
import { createRequest, type PublishOptions } from './request';

/** Addepar's environments. */
export type Environment = 'production' | 'development' | 'sandbox';

/** An OAuth 2.0 access token, or a function that is asked for one, and once more after a 401. */
export type AccessToken = string | TokenCallable;

/** Settings; what is not given comes from the environment or has a default. */
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
  /** Who is told what calls do, such as `console`; default nobody. */
  logger?: Logger | undefined;
}

/** The types of the settings: JavaScript lets any through. */
const SETTINGS: Readonly<Record<keyof PortalClientOptions, readonly string[]>> = {
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
  logger: ['object'],
};

/** A client for one firm. It does not keep the process alive; one serves any number of calls at once. */
export class PortalClient {
  readonly #handle: Client;
  readonly #host: Host;

  /**
   * @param options - Settings; what is not given comes from the environment.
   * @throws {@link ConfigError} naming the setting that is missing, contradictory or of no use.
   */
  constructor(options: PortalClientOptions = {}) {
    const { accessToken, logger, ...settings } = given(options);
    const asked = typeof accessToken === 'function';
    this.#host = { accessToken: asked ? accessToken : undefined, logger: checked(logger) };
    const token = asked || accessToken === undefined ? {} : { accessToken };
    this.#handle = succeeded(
      native.Client.create({ ...settings, ...token, asksForToken: asked } as ClientSettings, environment()),
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
    const { signal, ...rest } = Object(options) as PublishOptions;
    const request = createRequest(fileIds, rest);
    if (signal !== undefined && typeof signal?.aborted !== 'boolean') {
      raise(native.Failure.input(`signal is ${shown(signal)}: it is an AbortSignal.`));
    }
    signal?.throwIfAborted();
    const call = this.#handle.start(request, this.#handle.isLocal() ? {} : environment());
    return await finish(call, this.#host, signal);
  }

  /** Closes idle connections. A later call opens new ones. */
  close(): void {
    this.#handle.close();
  }

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
  const { client, ...rest } = Object(options) as typeof options;
  if (client !== undefined) {
    if (typeof client?.publishFiles !== 'function') {
      raise(native.Failure.input(`client is ${shown(client)}: it is a PortalClient.`));
    }
    return await client.publishFiles(fileIds, rest);
  }
  const own = new PortalClient();
  try {
    return await own.publishFiles(fileIds, rest);
  } finally {
    own.close();
  }
}

/** The settings that were given, each of a type that the core knows. */
function given(options: object): PortalClientOptions {
  const settings = Object.entries(options).filter(([, value]) => value !== undefined);
  for (const [name, value] of settings) {
    const types = Object.hasOwn(SETTINGS, name) ? SETTINGS[name as keyof PortalClientOptions] : undefined;
    if (!types) {
      raise(native.Failure.config(`\`${name}\` is no setting: there are ${Object.keys(SETTINGS).join(', ')}.`));
    }
    if (!types.includes(typeof value)) {
      raise(native.Failure.config(`${name} is of type ${typeName(value)}: it is a ${types.join(' or ')}.`));
    }
  }
  return Object.fromEntries(settings);
}

/** A logger that can take every level. */
function checked(logger: Logger | undefined): Logger | undefined {
  for (const level of logger ? (['debug', 'info', 'warn'] as const) : []) {
    if (typeof logger?.[level] !== 'function') {
      raise(native.Failure.config(`logger has no method ${level}: it has debug, info and warn, as console does.`));
    }
  }
  return logger;
}

/** The variables that the core reads, as this thread has them. */
function environment(): Record<string, string> {
  return Object.fromEntries(native.variables().flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  }));
}
