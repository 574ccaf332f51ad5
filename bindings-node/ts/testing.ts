/// <reference lib="esnext.disposable" preserve="true" />
/**
 * A simulated portal to test against, without credentials and without clients.
 *
 * @module addepar-portal/testing
 */

import { PortalClient } from './client';
import { parse, stringify } from './json';
import { native, type Refusal, type SimulatedPortal as Native } from './native';
import { ANY, own, refuseMore, type Table, take, withoutPrototype } from './options';
import { type PortalClientOptions, SETTINGS } from './settings';
import { inspect, types } from './util';

/** What the API lets a contact prefer. */
export interface Preferences {
  publish?: boolean;
  notify?: boolean;
}

/** What a POST can meet. What each does, and the parameters that it needs: the guide, "Testing your code". */
export type FaultName =
  | `status:${number}`
  | 'accepted'
  | 'answer'
  | 'chunked_cut'
  | 'close_after_head'
  | 'close_before_answer'
  | 'close_idle'
  | 'close_in_body'
  | 'close_in_headers'
  | 'contradiction'
  | 'drip'
  | 'empty'
  | 'extra_result'
  | 'garbage_status'
  | 'half_done'
  | 'hang'
  | 'html'
  | 'huge'
  | 'invalid_utf8'
  | 'missing_result'
  | 'nested'
  | 'next_link'
  | 'no_content'
  | 'no_data'
  | 'not_json'
  | 'rate_limited'
  | 'raw'
  | 'redirect'
  | 'reset_before_answer'
  | 'reset_in_body'
  | 'slow_400'
  | 'status'
  | 'stray_bytes';

/** A fault that the next POST meets: its name, or its name and parameters. */
export type Fault = FaultName | ({ name: FaultName } & Record<string, unknown>);

/** Contact ids. */
export type Contacts = readonly number[] | ReadonlySet<number>;

/** What belongs to each file or contact, by its id. */
export type ById<T> = Readonly<Record<number, T>> | ReadonlyMap<number, T>;

/** A portfolio of a simulated report, and its file. */
export interface SimulatedPortfolio {
  fileId: number;
  /** Default `entity`. */
  portfolioType?: string;
  portfolioId?: number;
  portfolioName?: string;
}

/** A job of the simulated portal, and what came out of it. */
export interface SimulatedReport {
  /** The id that it is asked for by. */
  jobId: string;
  /** Its other attributes, as they are shown: `reportId`, `reportName`, `status` (default `FINISHED`), `completedAt` … */
  attributes?: Readonly<Record<string, unknown>>;
  generatedPortfolios?: readonly SimulatedPortfolio[];
  /** The portfolios without a file, as they are shown. */
  failedPortfolios?: readonly Omit<SimulatedPortfolio, 'fileId'>[];
}

/** How a simulated portal starts. */
export interface SimulatedPortalOptions {
  /** File id → the contacts it belongs to. Without it every file is known and has the contact 1. */
  files?: ById<Contacts>;
  /** One e-mail per file or per call; which of them the real service sends is not documented. */
  emails?: 'per_file' | 'per_call';
  /** Contact id → what `use_contact_preference` means for it; default: both. */
  preferences?: ById<Preferences>;
  /** File id → the contacts to whom publishing it fails. */
  failPublish?: ById<Contacts>;
  /** File id → the contacts for whom the e-mail about it fails. */
  failNotify?: ById<Contacts>;
  /** What the first POSTs meet, one after the other. */
  faults?: readonly Fault[];
  /** Milliseconds by which every answer is delayed. */
  delayMs?: number;
  /** The access tokens that are accepted; default `simulated-token`. */
  accessTokens?: readonly string[];
  /** The port to listen on; default any. */
  port?: number;
  /** The reports that can be read. */
  generatedReports?: readonly SimulatedReport[];
  /** Seconds on the portal's clock until a report shows that a file was published; default 0. */
  publishedLag?: number;
  /** What reports show about a file, whatever the truth is; `null` for nothing. */
  showPublished?: ById<boolean | null>;
  /** How many seconds pass on the portal's clock in one of everybody else's; default 1. A journal is settled by it. */
  clock?: number;
  /** Path and query, such as `/v1/portal/publish_files?page=2` → the `status`, `headers` and `body` that a GET of it gets. */
  pages?: Readonly<Record<string, object>>;
}

/** A request as the portal received it. */
export interface ReceivedRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** Names in lower case; of `authorization` only the scheme. */
  readonly headers: Readonly<Record<string, string>>;
  /** The parsed JSON, or the text where it is none. */
  readonly body: unknown;
  /** Whether it came with credentials that the portal knows. */
  readonly authorized: boolean;
  /** Whether all of it arrived. */
  readonly complete: boolean;
}

/** An e-mail that the portal would have sent. */
export interface Email {
  readonly contact: number;
  readonly files: readonly number[];
}

/** The simulator checks the values. */
const OPTIONS: Table<SimulatedPortalOptions> = {
  of: 'SimulatedPortal.start',
  as: 'input',
  kinds: {
    files: ANY,
    emails: ANY,
    preferences: ANY,
    failPublish: ANY,
    failNotify: ANY,
    faults: ANY,
    delayMs: ANY,
    accessTokens: ANY,
    port: ANY,
    generatedReports: ANY,
    publishedLag: ANY,
    showPublished: ANY,
    clock: ANY,
    pages: ANY,
  },
};

/** The portals that were not closed: one that nobody refers to would be collected, and its server with it. */
const running = new Set<Native>();

const KEY = { firmId: '1', keyId: 'simulated-key', keySecret: 'simulated-secret' };

/**
 * A server on this machine that speaks the documented API, with contacts, portals and an outbox.
 *
 * It runs until it is closed or the process (the worker thread) ends, even if nothing refers to it any more. It does not
 * keep the process alive.
 *
 * ```js
 * const portal = await SimulatedPortal.start({ files: { 37: [1, 2] } });
 * portal.failNotify(37, [1]);
 * const report = await portal.client().publishFiles([37], { portalPublishing: 'publish', contactNotification: 'notify' });
 * report.file(37).state; // 'failed'
 * await portal.close();
 * ```
 */
export class SimulatedPortal {
  readonly #handle: Native;

  private constructor(handle: Native) {
    this.#handle = handle;
    running.add(handle);
  }

  /** Starts a portal on a free port of this machine. */
  static async start(options?: SimulatedPortalOptions): Promise<SimulatedPortal> {
    refuseMore(arguments, 1, OPTIONS);
    const { faults, generatedReports, ...rest } = take(options, OPTIONS);
    const named = faults?.map((fault) => (typeof fault === 'string' ? fault : snakeCase(fault)));
    const reports = snakeCaseThroughout(generatedReports);
    const json = stringify({ ...snakeCase(rest), faults: named, generated_reports: reports }, plain);
    return new SimulatedPortal(accepted(native.SimulatedPortal.start(json)));
  }

  /** The base URL, such as `http://127.0.0.1:49152/api`. */
  get baseUrl(): string {
    return this.#handle.baseUrl();
  }

  /** A client of this portal; `options` as of `PortalClient`. */
  client(options?: PortalClientOptions): PortalClient {
    refuseMore(arguments, 1, { of: 'client', as: 'input' });
    const given = own(options, SETTINGS);
    const key = given.accessToken === undefined ? KEY : { firmId: KEY.firmId };
    return new PortalClient(withoutPrototype<PortalClientOptions>({ baseUrl: this.baseUrl }, key, given));
  }

  /** The variables that lead a script to this portal. */
  environ(): Record<string, string> {
    return {
      ADDEPAR_BASE_URL: this.baseUrl,
      ADDEPAR_FIRM_ID: KEY.firmId,
      ADDEPAR_KEY_ID: KEY.keyId,
      ADDEPAR_KEY_SECRET: KEY.keySecret,
      ADDEPAR_FIRM_NAME: '',
      ADDEPAR_ENVIRONMENT: '',
      ADDEPAR_ACCESS_TOKEN: '',
    };
  }

  /** Every request so far; credentials are not shown. */
  get requests(): ReceivedRequest[] {
    return this.control('requests') as ReceivedRequest[];
  }

  /** Every e-mail so far. */
  get outbox(): Email[] {
    return this.control('outbox') as Email[];
  }

  /** The contacts in whose portals the file is. */
  published(file: number): number[] {
    return this.control('published', { file }) as number[];
  }

  /** From now on, publishing the file fails for these contacts. */
  failPublish(file: number, contacts: Contacts): void {
    this.control('fail_publish', { file, contacts });
  }

  /** From now on, e-mailing these contacts about the file fails. */
  failNotify(file: number, contacts: Contacts): void {
    this.control('fail_notify', { file, contacts });
  }

  /** The next POST meets this fault, such as `status:503`, `hang` or `close_in_body`. */
  nextFault(name: FaultName, parameters: Readonly<Record<string, unknown>> = {}): void {
    refuseMore(arguments, 2, { of: 'nextFault', as: 'input' });
    this.control('fault', { fault: { name, ...snakeCase(parameters) } });
  }

  /** One command of the simulator, for what has no method here. */
  control(command: string, parameters: Readonly<Record<string, unknown>> = {}): unknown {
    return parse(accepted(this.#handle.control(stringify({ do: command, ...parameters }, plain))));
  }

  /** Stops the server. */
  async close(): Promise<void> {
    running.delete(this.#handle);
    this.#handle.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Where it is. */
  toString(): string {
    return `SimulatedPortal { baseUrl: ${inspect(this.baseUrl)} }`;
  }

  /** @internal */
  [inspect.custom](): string {
    return #handle in this ? this.toString() : 'SimulatedPortal {}';
  }
}

function accepted<T>(answer: T | Refusal): T {
  if (answer instanceof native.Refusal) {
    throw new TypeError(inCamelCase(answer.message));
  }
  return answer;
}

/** What the simulator says, with options and parameters as they are written here. Names of faults stay as they are. */
function inCamelCase(message: string): string {
  return message.includes(' is not known: ') ? message : message.replaceAll(/`\w+`/g, camelCase);
}

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Collections as JSON has them, which would write most of them as `{}`. */
function plain(_: string, value: unknown): unknown {
  if (types.isMap(value)) {
    return Object.fromEntries(value);
  }
  return types.isSet(value) || types.isTypedArray(value) ? Array.from<unknown>(value) : value;
}

/** The same of whatever is inside. */
function snakeCaseThroughout(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(snakeCaseThroughout);
  }
  if (typeof value !== 'object' || value === null || value instanceof Date) {
    return value;
  }
  const members = Object.entries(value).map(([name, member]) => [name, snakeCaseThroughout(member)]);
  return snakeCase(Object.fromEntries(members));
}

/** The names of options as the simulator has them. */
function snakeCase(options: object): object {
  const entries = Object.entries(options);
  return Object.fromEntries(
    entries.map(([name, value]) => [name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]),
  );
}
