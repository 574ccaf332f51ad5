/** What a report is made of. */

import type { FileState, Outcome, Status, Step, Verdict } from './wire';

/** An error object of the API about one file; any member may have been missing. */
export interface FileError {
  /** The error's name, such as `publish_failed`. */
  readonly code: string | null;
  readonly title: string | null;
  /** Prose; the only place where the API names contacts. */
  readonly detail: string | null;
  /** The contacts that `detail` names; `null`, never empty, where they cannot be read. */
  readonly contactIds: readonly number[] | null;
}

/** What became of one file. */
export interface FileResult {
  readonly fileId: number;
  readonly state: FileState;
  /**
   * Whether publishing succeeded for all contacts; `null` if the API did not say, or if the file was to be published to
   * nobody.
   */
  readonly published: boolean | null;
  /** Likewise for e-mails: `null` if nobody was to be notified, about which the API answers success as well. */
  readonly notified: boolean | null;
  readonly publishStatus: Status | null;
  readonly notifyStatus: Status | null;
  readonly errors: readonly FileError[];
  /** The contacts to whom publishing failed; `null` if not identified. */
  readonly contactsNotPublished: readonly number[] | null;
  /** The contacts who could not be e-mailed; `null` if not identified. */
  readonly contactsNotNotified: readonly number[] | null;
  /** What a person decided about it, in the journal; the state stays what the server said. */
  readonly decision: Verdict | null;
  /** Why nobody knows what became of it, in words; `null` if that is known. It may quote the server. */
  readonly reason: string | null;
  /** The name of the portfolio that it is of, if that is known: a generated report says it. */
  readonly portfolioName: string | null;
}

/**
 * How many files are in which state, so that they add up to `total`. `notProcessed` has those too that a person
 * decided to leave as they are (`published`, `leave`); the list `report.notProcessed` does not.
 */
export interface FileCounts {
  readonly total: number;
  readonly ok: number;
  readonly failed: number;
  readonly unknown: number;
  readonly notProcessed: number;
  /** Those whose outcome is unknown and about which nobody has decided, save those in flight. */
  readonly undecided: number;
}

/** A further page of results that could not be read. */
export interface UnreadPage {
  /** The link to it, as the page before has it. */
  readonly link: string;
  /** The status code of what was answered for it; `null` if nothing was. */
  readonly httpStatus: number | null;
  /** Why it was not read, in words. It may quote what was answered. */
  readonly reason: string;
  /** The body of what was answered for it, as much as was read of it. */
  readonly raw: string;
}

/**
 * A result that belongs to no requested file alone: not asked for, unreadable, contradictory, or one whose two ids name
 * two files.
 */
export interface UnexpectedResult {
  /** The id that it named, if it can be read. */
  readonly fileId: number | null;
  readonly publishStatus: Status | null;
  readonly notifyStatus: Status | null;
  readonly errors: readonly FileError[];
}

/** One POST, or one try at it. */
export interface Attempt {
  /** When the body began to go out; `null` if it never did. */
  readonly sentAt: Date | null;
  /** When the answer's head arrived; `null` if it never did. */
  readonly answeredAt: Date | null;
  readonly httpStatus: number | null;
  /** The server's `X-Request-Id`. */
  readonly requestId: string | null;
  /** Milliseconds from the attempt's start to its end. */
  readonly elapsedMs: number;
  readonly outcome: Outcome;
  /** The delay that a 429 asked for, in milliseconds. */
  readonly retryAfterMs: number | null;
}

/** A file and the step of it that failed. */
export interface FailedStep {
  readonly fileId: number;
  readonly step: Step;
}

/**
 * The contacts that some step failed for; none of files that are `unknown` or `not_processed`. As a text (`${failed}`) it says how
 * many contacts missed something, how many files are in neither list, and what each of the first 50 contacts missed.
 */
export interface FailedContacts {
  /** Contact id → the files, and which step of each failed. */
  readonly contacts: ReadonlyMap<number, readonly FailedStep[]>;
  /** The files with a failure whose contacts could not be read. */
  readonly unreadable: readonly number[];
}
