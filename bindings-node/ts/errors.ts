/** The classes of what can go wrong. Codes, messages and states come from the core. */

import type { PublishReport } from './report';
import { type ApiError, type ErrorCode, type ErrorDetailsJSON, milliseconds, type Outcome, type Phase, type ReportJSON } from './wire';

/** Everything about an error but its report, as JSON has it in every language. */
export type ErrorDetails = Partial<ErrorDetailsJSON>;

/** What {@link PortalError.toJSON} gives: plain data in snake case, the same in every language. */
export interface ErrorJSON extends ErrorDetailsJSON {
  name: string;
  report: ReportJSON | null;
}

/**
 * What an error of this package is made of. A text is its message alone. Without anything, as in a mock, its outcome is
 * `unknown`.
 */
export type ErrorInit = ErrorDetails | string;

function detailsOf(init: ErrorInit | undefined): ErrorDetails {
  return typeof init === 'string' ? { message: init } : (init ?? {});
}

/**
 * Base of every error of this package.
 *
 * It has `httpStatus`, never `status` or `statusCode`: web frameworks would answer with it.
 */
export class PortalError extends Error {
  readonly code: ErrorCode;
  /**
   * What became of the whole call or batch: `not_processed` only if no file was or may have been processed. An error that
   * lost its data on the way is `unknown`: a batch may have sent files before, whatever its class says.
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
  /** The state of every file; on every error of a validated publish, otherwise `null`. */
  readonly report: PublishReport | null;
  /** The journal of the call; `null` without one. */
  readonly journal: string | null;
  /** The files about which a person has to decide before the journal can be resumed; none that are in flight. */
  readonly undecided: readonly number[];
  /** The code of an error of this class. */
  static readonly code: string = '';
  readonly #details: ErrorDetailsJSON;

  constructor(init?: ErrorInit, report: PublishReport | null = null, options?: ErrorOptions) {
    const details = detailsOf(init);
    super(details.message ?? '', options);
    this.#details = {
      code: details.code ?? (new.target.code as ErrorCode),
      message: this.message,
      outcome: details.outcome ?? 'unknown',
      http_status: details.http_status ?? null,
      request_id: details.request_id ?? null,
      elapsed: details.elapsed ?? null,
      errors: details.errors ?? [],
      phase: details.phase ?? null,
      retry_after: details.retry_after ?? null,
      file_ids: details.file_ids ?? [],
      journal: details.journal ?? null,
      undecided: details.undecided ?? [],
    };
    const { code, outcome, http_status, request_id, elapsed, errors, journal, undecided } = this.#details;
    this.code = code;
    this.outcome = outcome;
    this.httpStatus = http_status;
    this.requestId = request_id;
    this.elapsedMs = milliseconds(elapsed);
    this.errors = Object.freeze(errors.map((error) => Object.freeze({ ...error })));
    this.report = report;
    this.journal = journal;
    this.undecided = Object.freeze([...undecided]);
  }

  /**
   * Plain data for logs and other threads: everything but `stack` and `cause`, in snake case and seconds. Of an error
   * itself `structuredClone` and `postMessage` keep no more than the message.
   */
  toJSON(): ErrorJSON {
    return { name: this.name, ...structuredClone(this.#details), report: this.report?.toJSON() ?? null };
  }
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
    this.retryAfterMs = milliseconds(detailsOf(init).retry_after ?? null);
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
  /** The files whose outcome is unknown. */
  readonly fileIds: readonly number[];
  /** Where the request was lost. */
  readonly phase: Phase | null;

  constructor(init?: ErrorInit, report?: PublishReport | null, options?: ErrorOptions) {
    super(init, report, options);
    this.fileIds = Object.freeze([...(detailsOf(init).file_ids ?? [])]);
    this.phase = detailsOf(init).phase ?? null;
  }
}

/** Some file is not ok. Only from {@link PublishReport.raiseForFailures}. */
export class PublishFailuresError extends PortalError {
  declare readonly code: 'ERR_PUBLISH_FAILURES';
  static override readonly code: string = 'ERR_PUBLISH_FAILURES';
}

/**
 * A journal in `journalDir` shows some of the files as sent. Nothing was sent now. The report has what became of each
 * there; `repeat: 'allow'` sends those again whose outcome is known.
 */
export class AlreadySentError extends InputError {
  declare readonly code: 'ERR_ALREADY_SENT';
  static override readonly code: string = 'ERR_ALREADY_SENT';
  /** The files that were sent before, all of them. */
  readonly fileIds: readonly number[];

  constructor(init?: ErrorInit, report?: PublishReport | null, options?: ErrorOptions) {
    super(init, report, options);
    this.fileIds = Object.freeze([...(detailsOf(init).file_ids ?? [])]);
  }
}

/** The journal is locked, of another run, damaged, cannot be written, or waits for a decision. */
export class JournalError extends PortalError {
  declare readonly code: 'ERR_JOURNAL';
  static override readonly code: string = 'ERR_JOURNAL';
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
for (const [name, Class] of Object.entries({ PortalError, ...CLASSES })) {
  Class.prototype.name = name;
}

export type ErrorClass = keyof typeof CLASSES;
