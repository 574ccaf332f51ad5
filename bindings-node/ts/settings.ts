/** The settings of a client, from the caller and from the environment. */

import type { Logger, TokenCallable } from './call';
import { native, type Started } from './native';
import { hasMethods, kind, MILLISECONDS, PATH, type Table, tableOf, TEXT, TEXT_OR_FUNCTION, TEXT_OR_URL, withoutPrototype } from './options';

/** Addepar's environments. */
export type Environment = 'production' | 'development' | 'sandbox';

/**
 * An OAuth 2.0 access token, or a function that is asked for one, and once more after a 401. A promise is waited for as
 * long as `timeoutMs` says; then the call ends, nothing was sent, and the `signal` that the function received is aborted:
 * `fetch(url, { signal })` does not outlive its call.
 */
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
  baseUrl?: string | URL | undefined;
  /** Milliseconds for one attempt, waits excluded; default 90,000, above the server's own 60,000. */
  timeoutMs?: number | undefined;
  /** Milliseconds for connecting; default 10,000. */
  connectTimeoutMs?: number | undefined;
  /** Milliseconds that all waits for the rate limit may take together; default 60,000. */
  maxRateLimitWaitMs?: number | undefined;
  /** The URL of an HTTP proxy, such as `http://USER:PASSWORD@HOST:PORT` (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`). */
  proxy?: string | URL | undefined;
  /** A PEM file, or a folder of them, with certificates that are trusted beside the system's. */
  caFile?: string | URL | undefined;
  /** A folder in which every call leaves a journal (`ADDEPAR_JOURNAL_DIR`); what it shows is not sent again. */
  journalDir?: string | URL | undefined;
  /** Receives what calls do, such as `console`; default none. */
  logger?: Logger | undefined;
}

const LOGGER = kind(
  'an object with the methods debug, info and warn, as console has them',
  (logger) => typeof logger === 'object' && hasMethods(logger, ['debug', 'info', 'warn']),
);

/** The settings of a client. */
export const SETTINGS: Table<PortalClientOptions> = tableOf({
  of: 'PortalClient',
  as: 'config',
  kinds: {
    firmName: TEXT,
    environment: TEXT,
    firmId: TEXT,
    keyId: TEXT,
    keySecret: TEXT,
    accessToken: TEXT_OR_FUNCTION,
    baseUrl: TEXT_OR_URL,
    timeoutMs: MILLISECONDS,
    connectTimeoutMs: MILLISECONDS,
    maxRateLimitWaitMs: MILLISECONDS,
    proxy: TEXT_OR_URL,
    caFile: PATH,
    journalDir: PATH,
    logger: LOGGER,
  },
});

/** The variables that the core reads, as this thread has them. */
export function environment(): Record<string, string> {
  const variables = withoutPrototype<Record<string, string>>();
  for (const name of native.variables()) {
    const value = Object.hasOwn(process.env, name) ? process.env[name] : undefined;
    if (value !== undefined) {
      variables[name] = value;
    }
  }
  return variables;
}

/** How this program was started: it may be a test runner. */
export function program(): Started {
  const functions = native.testFunctions().filter((name) => typeof Reflect.get(globalThis, name) === 'function');
  return withoutPrototype<Started>({ started: process.argv[1], testFunctions: functions });
}
