/** The classes of what can go wrong. Codes, messages and states come from the core. */

import { parse } from './json';
import type { PublishReport } from './report';
import type { FileCounts } from './types';
import { type ApiError, type ErrorCode, type ErrorDetailsJSON, type JournalReason, milliseconds, type Outcome, type Phase, type ReportJSON } from './wire';
import { instead, shown } from './words';

/** Everything about an error but its report, as JSON has it in every language. */
export type ErrorDetails = Partial<ErrorDetailsJSON>;

/** All of an error that is plain data, in snake case and seconds, the same in every language. */
export interface ErrorJSON extends ErrorDetailsJSON {
  name: string;
  report: ReportJSON | null;
}

/**
 * An error in short: what it has as properties of its own, as logs show it, and which files are unknown. It is for people and
 * logs: an error can be made of {@link ErrorJSON}, and not of this.
 */
export interface ErrorSummary {
  name: string;
  message: string;
  code: ErrorCode;
  outcome: Outcome;
  httpStatus: number | null;
  requestId: string | null;
  elapsedMs: number | null;
  errors: readonly ApiError[];
  journal: string | null;
  counts: FileCounts | null;
  firstFileIds: readonly number[];
  phase?: Phase | null;
  reason?: JournalReason | null;
  retryAfterMs?: number | null;
  /** Every file whose outcome is unknown: nothing else may be left of the error, as in a queue. */
  unknownFileIds: readonly number[];
}

/** What a mock makes an error of: members as the error has them, each of which may be missing. */
export interface ErrorMembers {
  code?: ErrorCode | undefined;
  message?: string | undefined;
  outcome?: Outcome | undefined;
  httpStatus?: number | null | undefined;
  requestId?: string | null | undefined;
  elapsedMs?: number | null | undefined;
  errors?: readonly ApiError[] | undefined;
  phase?: Phase | null | undefined;
  reason?: JournalReason | null | undefined;
  retryAfterMs?: number | null | undefined;
  fileIds?: readonly number[] | undefined;
  journal?: string | null | undefined;
  undecided?: readonly number[] | undefined;
}

/**
 * What an error of this package is made of: its members, as in a mock, or what {@link PortalError.toJSON} gave, with its
 * report. Any other member is refused with a `TypeError`, and so is the `code` of another class: where the class is not
 * known, {@link PortalError.fromJSON} finds it. A text is its message alone. Without `outcome` that is `unknown`.
 */
export type ErrorInit = ErrorMembers | Partial<ErrorJSON> | string;

/** The members that have another name in JSON, where times are in seconds. */
const IN_JSON: Readonly<Record<string, keyof ErrorDetailsJSON>> = {
  httpStatus: 'http_status',
  requestId: 'request_id',
  elapsedMs: 'elapsed',
  retryAfterMs: 'retry_after',
  fileIds: 'file_ids',
};

/** What the JSON of an error has beside its details. */
const BESIDE: ReadonlySet<string> = new Set(['name', 'report']);

/** What only the short form of an error has. */
const IN_SHORT: ReadonlySet<string> = new Set(['counts', 'firstFileIds', 'unknownFileIds']);

/** The details that an error is made of, in the names of JSON; what is not given is not known. */
function detailsOf(init: ErrorInit | undefined, code: ErrorCode): ErrorDetailsJSON {
  const details: ErrorDetailsJSON = {
    code,
    message: '',
    outcome: 'unknown',
    http_status: null,
    request_id: null,
    elapsed: null,
    errors: [],
    phase: null,
    reason: null,
    retry_after: null,
    file_ids: [],
    journal: null,
    undecided: [],
  };
  for (const [member, value] of Object.entries(typeof init === 'string' ? { message: init } : (init ?? {}))) {
    const name = Object.hasOwn(IN_JSON, member) ? (IN_JSON[member] as string) : member;
    if (Object.hasOwn(details, name)) {
      const inJSON: unknown = member.endsWith('Ms') && typeof value === 'number' ? value / 1e3 : value;
      Object.assign(details, inJSON === undefined || inJSON === null ? {} : { [name]: inJSON });
    } else if (!BESIDE.has(member)) {
      const advice = IN_SHORT.has(member) ? ' It is of the short form, which `JSON.stringify(error)` gives: keep `error.toJSON()` to make the error again.' : '';
      throw new TypeError(`\`${member}\` must be a member of an error: one of ${members(details).join(', ')}.${advice}`);
    }
  }
  return details;
}

/** Refuses a code that the class does not have: `code` and class would contradict each other. */
function refuseCodeOfAnother(details: ErrorDetailsJSON, { name, code }: typeof PortalError): void {
  if (details.code === code) {
    return;
  }
  const Class = classOf(details.code);
  const advice = Class ? ` Make it with \`new ${Class.name}(…)\`, or with \`PortalError.fromJSON(json)\`, which finds the class.` : '';
  throw new TypeError(`\`code\` must be ${code || 'left out'} for ${name}, ${instead(details.code)}${advice}`);
}

/** The class whose errors have a code, if there is one. */
function classOf(code: unknown): typeof PortalError | undefined {
  return Object.values<typeof PortalError>(CLASSES).find((Class) => Class.code === code);
}

/** Reads the report of an error's JSON. The module that knows reports knows errors as well, and gives it. */
let readReport: (json: ReportJSON) => PublishReport;

/** Says how the report of an error's JSON is read. */
export function readReportsWith(read: typeof readReport): void {
  readReport = read;
}

/** The report of an error that is made: the argument, or else the one in its JSON. */
function reportIn(init: ErrorInit | undefined, report: PublishReport | null | undefined): PublishReport | null {
  const { report: json }: Partial<ErrorJSON> = Object(init);
  return report ?? (json ? readReport(json) : null);
}

/** Has an error the name that it has where a signal ended its call. */
export function aborted<E extends Error>(error: E): E {
  return Object.defineProperty(error, 'name', { value: ABORTED, configurable: true, writable: true });
}

const ABORTED = 'AbortError';

/** The members by the names that they have in an error. */
function members(details: ErrorDetailsJSON): readonly string[] {
  const renamed = Object.entries(IN_JSON);
  return Object.keys(details).map((name) => renamed.find(([, inJSON]) => inJSON === name)?.[0] ?? name);
}

/** How many files {@link PortalError.firstFileIds} has. */
const FIRST = 20;

/**
 * Base of every error of this package.
 *
 * What it has as properties of its own is short however many files it is about, and is what `console.log`,
 * `JSON.stringify` and loggers such as pino show. `report`, `fileIds` and `undecided` have every file.
 *
 * It has `httpStatus`, never `status` or `statusCode`: web frameworks would answer with it.
 */
export class PortalError extends Error {
  readonly code: ErrorCode;
  /**
   * What became of the whole call or batch: `not_processed` only if no file was or may have been processed by it, as far as
   * its journal and its folder show; where the folder is not there, nothing is known of earlier calls. An error that
   * lost its data on the way is `unknown`: a batch may have sent files before, whatever its class says. So is one that is
   * about no call, as where a journal or the JSON of a report cannot be read: it says nothing about what was sent.
   */
  readonly outcome: Outcome;
  /** The status code of the answer that it is about; `null` if it is about no answer. */
  readonly httpStatus: number | null;
  /** The `X-Request-Id` of that answer. */
  readonly requestId: string | null;
  /** Milliseconds that the attempt took that it is about; `null` if it is about no attempt. */
  readonly elapsedMs: number | null;
  /** The API's error objects about the whole request. */
  readonly errors: readonly ApiError[];
  /**
   * The journal of the call, which {@link PortalClient.resume} and {@link Journal} take; `null` without one. Of an
   * {@link AlreadySentError} the one that shows its files, if they are all in one.
   */
  readonly journal: string | null;
  /** How many files of the report are in which state; `null` without a report. */
  readonly counts: FileCounts | null;
  /**
   * The first 20 files that it is about: those whose outcome is unknown (of an {@link AlreadySentError} those that were
   * sent before), or, if there are none, those that failed or were not processed, whatever a person decided about them.
   */
  readonly firstFileIds: readonly number[];
  /** The code of an error of this class. */
  static readonly code: string = '';
  /**
   * For TypeScript: what is an instance of {@link PortalError} itself is one of {@link AnyPortalError}, so its `code` says
   * which. At run time it is that of every class.
   */
  declare static readonly [Symbol.hasInstance]: <Class extends { readonly prototype: PortalError }>(
    this: Class,
    value: unknown,
  ) => value is PortalError extends Class['prototype'] ? AnyPortalError : Class['prototype'];
  readonly #details: ErrorDetailsJSON;
  readonly #report: PublishReport | null;

  constructor(init?: ErrorInit, report?: PublishReport | null, options?: ErrorOptions) {
    const details = detailsOf(init, new.target.code as ErrorCode);
    refuseCodeOfAnother(details, new.target);
    super(details.message, options);
    const found = reportIn(init, report);
    const { name }: Partial<ErrorJSON> = Object(init);
    if (name === ABORTED) {
      aborted(this);
    }
    this.#report = found;
    this.#details = details;
    const { code, outcome, http_status, request_id, elapsed, errors, journal, file_ids } = this.#details;
    this.code = code;
    this.outcome = outcome;
    this.httpStatus = http_status;
    this.requestId = request_id;
    this.elapsedMs = milliseconds(elapsed);
    this.errors = Object.freeze(errors.map((error) => Object.freeze({ ...error })));
    this.journal = journal;
    this.counts = found?.counts ?? null;
    this.firstFileIds = Object.freeze((file_ids.length > 0 ? file_ids : unfinished(found)).slice(0, FIRST));
  }

  /**
   * Makes an error again of what {@link toJSON} gave, in any language: of the class that its `code` says, with its report.
   * It is for JSON from a queue, a worker or a file. Its text is read too.
   *
   * @throws `TypeError` where it is not the JSON of an error of this package, as the short form that
   * `JSON.stringify(error)` gives is not; {@link InputError} where its report cannot be read.
   */
  static fromJSON(json: string | ErrorJSON): AnyPortalError {
    const init: Partial<ErrorJSON> | null = typeof json === 'string' ? parse(json) : json;
    const Class = classOf(init?.code);
    if (Class === undefined || init === null) {
      const found = typeof init === 'object' && init !== null && 'code' in init ? `with the code ${shown(init.code)}` : shown(init);
      throw new TypeError(`\`json\` must be what \`error.toJSON()\` gave, with the \`code\` of an error of this package, not ${found}.`);
    }
    return new Class(init) as AnyPortalError;
  }

  /** The state of every file; on every error of a validated publish, otherwise `null`. */
  get report(): PublishReport | null {
    return this.#report;
  }

  /**
   * The files whose outcome is unknown and about which nobody has decided, as in `report`; none that are in flight. With
   * a journal, a person has to decide about them there before it can be resumed. Of an {@link AlreadySentError} those of
   * its files, in the journal that shows them.
   */
  get undecided(): readonly number[] {
    return Object.freeze([...this.#details.undecided]);
  }

  #unknownFileIds(): readonly number[] {
    if (this.#report !== null) {
      return this.#report.unknown.map(({ fileId }) => fileId);
    }
    return this.outcome === 'unknown' ? this.#details.file_ids : [];
  }

  /** Everything about it but its report, `stack` and `cause`. */
  protected get details(): ErrorDetailsJSON {
    return this.#details;
  }

  /**
   * Plain data for another thread or a later program: everything but `stack` and `cause`, in snake case and seconds, with
   * the whole report. {@link PortalError.fromJSON} makes the error of it again. Of an error itself `structuredClone` and
   * `postMessage` keep no more than the message.
   */
  toJSON(): ErrorJSON;
  /**
   * In short: what `JSON.stringify` gets, which hands over the key that the error is at. It is the error's `name`, its
   * `message` and the properties of its own, as `console.log` and loggers such as pino show them, and beside them every
   * file whose outcome is unknown. No error can be made of it again: for that, keep `error.toJSON()`.
   */
  toJSON(key: string): ErrorSummary;
  toJSON(key?: string): ErrorJSON | ErrorSummary {
    if (key !== undefined) {
      return Object.assign({ name: this.name, message: this.message }, this, { unknownFileIds: this.#unknownFileIds() });
    }
    return { name: this.name, ...structuredClone(this.#details), report: this.report?.toJSON() ?? null };
  }
}

/** The files of a report that failed or were not processed, whatever a person decided about them. */
function unfinished(report: PublishReport | null): readonly number[] {
  const notProcessed = report?.files.filter(({ state }) => state === 'not_processed') ?? [];
  return [...(report?.failed ?? []), ...notProcessed].map(({ fileId }) => fileId);
}

/** Missing or contradictory settings, or no access token could be had. The request was not sent. */
export class ConfigError extends PortalError {
  declare readonly code: 'ERR_CONFIG';
  static override readonly code: string = 'ERR_CONFIG';
}

/** Values that cannot be sent. Nothing was sent. */
export class InputError extends PortalError {
  declare readonly code: 'ERR_INPUT' | 'ERR_ALREADY_SENT';
  static override readonly code: string = 'ERR_INPUT';
}

/** The server was never reached: proven. */
export class ConnectError extends PortalError {
  declare readonly code: 'ERR_CONNECT';
  static override readonly code: string = 'ERR_CONNECT';
}

/** The server refused the whole request. Of a batch, earlier ones may have been processed. */
export class RejectedError extends PortalError {
  declare readonly code: 'ERR_REJECTED' | 'ERR_AUTHENTICATION' | 'ERR_PERMISSION_DENIED' | 'ERR_RATE_LIMITED';
  static override readonly code: string = 'ERR_REJECTED';
}

/** 401: look at the credentials. */
export class AuthenticationError extends RejectedError {
  declare readonly code: 'ERR_AUTHENTICATION';
  static override readonly code: string = 'ERR_AUTHENTICATION';
}

/** 403: a permission or scope is missing for one or more of these files. */
export class PermissionDeniedError extends RejectedError {
  declare readonly code: 'ERR_PERMISSION_DENIED';
  static override readonly code: string = 'ERR_PERMISSION_DENIED';
}

/** 429: the firm's quota, which it shares with its other integrations, is used up. */
export class RateLimitedError extends RejectedError {
  declare readonly code: 'ERR_RATE_LIMITED';
  static override readonly code: string = 'ERR_RATE_LIMITED';
  /** Milliseconds to wait, as the server asked; `null` where it did not say. */
  readonly retryAfterMs: number | null;

  constructor(init?: ErrorInit, report?: PublishReport | null, options?: ErrorOptions) {
    super(init, report, options);
    this.retryAfterMs = milliseconds(this.details.retry_after);
  }
}

/**
 * The server may have processed the request. Look in Addepar before you send anything again.
 *
 * Its `name` is `AbortError` where an `AbortSignal` ended a call that had gone out.
 */
export class OutcomeUnknownError extends PortalError {
  declare readonly code: 'ERR_OUTCOME_UNKNOWN';
  static override readonly code: string = 'ERR_OUTCOME_UNKNOWN';
  /** Where the request was lost. */
  readonly phase: Phase | null;

  constructor(init?: ErrorInit, report?: PublishReport | null, options?: ErrorOptions) {
    const details = typeof init === 'string' ? { message: init } : init;
    const found = reportIn(init, report);
    super({ file_ids: found?.unknown.map(({ fileId }) => fileId) ?? [], ...details }, found, options);
    this.phase = this.details.phase;
  }

  /** The files whose outcome is unknown. */
  get fileIds(): readonly number[] {
    return Object.freeze([...this.details.file_ids]);
  }
}

/** Some file is not ok. Only from {@link PublishReport.raiseForFailures}. */
export class PublishFailuresError extends PortalError {
  declare readonly code: 'ERR_PUBLISH_FAILURES';
  static override readonly code: string = 'ERR_PUBLISH_FAILURES';
}

/**
 * A journal in `journalDir` shows some of the files as sent. Nothing was sent now. The report has what became of each
 * there, under the modes that they were sent with where those agree: `request` has the files of this call and these modes.
 * `repeat: 'allow'` sends those again whose outcome is known.
 */
export class AlreadySentError extends InputError {
  declare readonly code: 'ERR_ALREADY_SENT';
  static override readonly code: string = 'ERR_ALREADY_SENT';

  /** The files that were sent before, all of them. */
  get fileIds(): readonly number[] {
    return Object.freeze([...this.details.file_ids]);
  }
}

/** The journal is locked, of another run, damaged, cannot be written, or waits for a decision. */
export class JournalError extends PortalError {
  declare readonly code: 'ERR_JOURNAL';
  static override readonly code: string = 'ERR_JOURNAL';
  /** Why it cannot be used, the same word in all languages; `null` of an error that lost its data on the way. */
  readonly reason: JournalReason | null;

  constructor(init?: ErrorInit, report?: PublishReport | null, options?: ErrorOptions) {
    super(init, report, options);
    this.reason = this.details.reason;
  }
}

/** A batch was stopped on request; resume it with its journal. Its `name` is `AbortError` where a signal did it. */
export class StoppedError extends PortalError {
  declare readonly code: 'ERR_STOPPED';
  static override readonly code: string = 'ERR_STOPPED';
}

/** The class of each kind of error that the core knows, by the name that it has there. */
export const CLASSES = {
  ConfigError,
  InputError,
  ConnectError,
  RejectedError,
  AuthenticationError,
  PermissionDeniedError,
  RateLimitedError,
  OutcomeUnknownError,
  PublishFailuresError,
  AlreadySentError,
  JournalError,
  StoppedError,
};
/** What errors of every copy of this package have: another one may be installed beside this. */
const IS_PORTAL_ERROR = Symbol.for('addepar-portal.isPortalError');

for (const [name, Class] of Object.entries({ PortalError, ...CLASSES })) {
  Class.prototype.name = name;
}
for (const Class of Object.values(CLASSES)) {
  Object.defineProperty(Class.prototype, IS_PORTAL_ERROR, { value: true });
}

export type ErrorClass = keyof typeof CLASSES;

/**
 * Every error of this package, told apart by its `code`: after `case 'ERR_RATE_LIMITED'` of a `switch (error.code)` it is a
 * {@link RateLimitedError}, which has `retryAfterMs`. {@link isPortalError} says whether something is one.
 */
export type AnyPortalError =
  | ConfigError
  | (InputError & { readonly code: 'ERR_INPUT' })
  | ConnectError
  | (RejectedError & { readonly code: 'ERR_REJECTED' })
  | AuthenticationError
  | PermissionDeniedError
  | RateLimitedError
  | OutcomeUnknownError
  | PublishFailuresError
  | AlreadySentError
  | JournalError
  | StoppedError;

/**
 * Whether something that was thrown is an error of this package: its `code` says which. It knows those of another installed copy
 * too, as a monorepo may have; `instanceof` does not.
 */
export function isPortalError(error: unknown): error is AnyPortalError {
  return typeof error === 'object' && error !== null && Reflect.get(error, IS_PORTAL_ERROR) === true;
}
