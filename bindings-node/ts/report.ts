/** What became of every file. */

import { type PortalError, readReportsWith } from './errors';
import { errorOf } from './failure';
import { type Id, readId } from './ids';
import { parse, stringify } from './json';
import { type Failure, native, type Report } from './native';
import { handleOf, type PublishRequest, requestOf } from './request';
import { okFile, readErrors, readRows, type ReadRows } from './rows';
import type { Attempt, FailedContacts, FileCounts, FileResult, UnexpectedResult, UnreadPage } from './types';
import { inspect, types } from './util';
import { visible } from './visible';
import {
  type ApiError,
  type AttemptJSON,
  type CircumstancesJSON,
  date,
  type FailedContactsJSON,
  milliseconds,
  type ReportJSON,
} from './wire';
import { shown, typeName } from './words';

let make: (handle: Report) => PublishReport;
let show: (report: PublishReport) => void;

/**
 * What became of every file that was asked for. Iterable over {@link FileResult}s; immutable.
 *
 * To another thread, or to a later program, it goes as its JSON ({@link toJSON}, {@link fromJSON}). `structuredClone` and
 * `postMessage` make plain data of it, without its methods.
 *
 * A partial failure is a result, not an error: say `report.ok` or `report.raiseForFailures()`.
 */
export class PublishReport implements Iterable<FileResult> {
  readonly #handle: Report;
  #files: readonly FileResult[] | undefined;
  #rows: ReadRows | undefined;
  #circumstances: Circumstances | undefined;
  #request: PublishRequest | undefined;

  private constructor(handle: Report) {
    this.#handle = handle;
    show(this);
    Object.freeze(this);
  }

  static {
    make = (handle) => new PublishReport(handle);
    show = visible(this.prototype, ['ok', 'settled', 'undecided', 'inFlight', 'files', 'request', 'attempts', 'unexpected', 'errors', 'nextLink', 'unreadPages', 'journal', 'raw']);
  }

  /**
   * Reads the body of an answer without any network.
   *
   * @throws {@link OutcomeUnknownError} where the body is cut, not JSON or has no `data` list.
   */
  static fromResponse(request: PublishRequest, body: string | Uint8Array): PublishReport {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    if (!types.isUint8Array(bytes)) {
      throw new TypeError(`\`body\` must be a string or a Uint8Array, not a value of type ${typeName(body)}.`);
    }
    return reportOf(native.Report.fromResponse(handleOf(request), bytes));
  }

  /**
   * Reads what {@link toJSON} gave, in any language.
   *
   * @throws {@link InputError} where it is not the JSON of a report.
   */
  static fromJSON(json: string | ReportJSON): PublishReport {
    const text: string | undefined = typeof json === 'string' ? json : stringify(json);
    return reportOf(native.Report.fromJson(text ?? 'null'));
  }

  /** Whether the API reported no failure for every file: each is `ok`. */
  get ok(): boolean {
    return this.#handle.ok();
  }

  /** Whether nothing is left to be sent, awaited or decided about. */
  get settled(): boolean {
    return this.#handle.settled();
  }

  /** The files whose outcome is unknown and about which nobody has decided, save those in flight. */
  get undecided(): readonly number[] {
    return [...this.#handle.undecided()];
  }

  /**
   * The files that another call was sending, or about to send, when the journal was read: what becomes of them is to be
   * awaited, and not to be decided.
   */
  get inFlight(): readonly number[] {
    return Object.freeze([...this.#handle.inFlight()]);
  }

  /** Every file, in the order asked. */
  get files(): readonly FileResult[] {
    return (this.#files ??= this.#readFiles());
  }

  #readFiles(): readonly FileResult[] {
    const { steps, fileIds, exceptions } = this.#readRows();
    const files = fileIds.map((fileId) => okFile(fileId, steps));
    for (const { position, file } of exceptions) {
      files[position] = file;
    }
    return Object.freeze(files);
  }

  #readRows(): ReadRows {
    return (this.#rows ??= readRows(this.#handle.rows()));
  }

  /** The files in state `ok`: the API reported no failure. It never lists who received what. */
  get succeeded(): readonly FileResult[] {
    return this.files.filter((file) => file.state === 'ok');
  }

  /**
   * The files in state `failed`: for some or all contacts.
   *
   * Publishing these files again may e-mail those who already got one.
   */
  get failed(): readonly FileResult[] {
    return this.#among((file) => file.state === 'failed');
  }

  /** The files in state `unknown`: look in Addepar before you send them again. */
  get unknown(): readonly FileResult[] {
    return this.#among((file) => file.state === 'unknown');
  }

  /**
   * The files in state `not_processed`: the server did not begin to process them. Those that a person decided to leave
   * as they are (`published`, `leave`) are not among them: where there are such files, this list and `succeeded`,
   * `failed` and `unknown` are not all of `files`.
   */
  get notProcessed(): readonly FileResult[] {
    return this.#among(({ state, decision }) => state === 'not_processed' && (decision ?? 'not_published') === 'not_published');
  }

  /** How many files are in which state, for a log or an answer. */
  get counts(): FileCounts {
    const { fileIds, exceptions } = this.#readRows();
    const counts = { total: fileIds.length, ok: fileIds.length, failed: 0, unknown: 0, notProcessed: 0 };
    for (const { file } of exceptions) {
      counts.ok -= 1;
      counts[COUNTED[file.state]] += 1;
    }
    return Object.freeze({ ...counts, undecided: this.#handle.undecided().length });
  }

  /** Those that are asked for because not all is well with them: none of the files that go without saying. */
  #among(wanted: (file: FileResult) => boolean): readonly FileResult[] {
    return this.#readRows().exceptions.flatMap(({ file }) => (wanted(file) ? file : []));
  }

  /** The files for which the API reported that publishing failed for some or all contacts. */
  get notPublished(): readonly FileResult[] {
    return this.#among((file) => file.published === false);
  }

  /** The files for which the API reported that notifying failed for some or all contacts. */
  get notNotified(): readonly FileResult[] {
    return this.#among((file) => file.notified === false);
  }

  /**
   * The result of one file.
   *
   * @throws RangeError if it was not part of the request, or is not an id: `'0x25'` is not 37.
   */
  file(fileId: Id): FileResult {
    const id = readId(fileId);
    const found = id === undefined ? undefined : this.files.find((file) => file.fileId === id);
    if (!found) {
      throw new RangeError(`file ${shown(fileId)} was not part of this request`);
    }
    return found;
  }

  [Symbol.iterator](): IterableIterator<FileResult> {
    return this.files[Symbol.iterator]();
  }

  /** What was asked. */
  get request(): PublishRequest {
    return (this.#request ??= requestOf(this.#handle.request()));
  }

  /** Every try, in order; empty where the report was read without a network. */
  get attempts(): readonly Attempt[] {
    // New ones each time: a `Date` can be changed.
    return Object.freeze(this.#readCircumstances().attempts.map(readAttempt));
  }

  /** Results that belong to no requested file alone, as they came. */
  get unexpected(): readonly UnexpectedResult[] {
    return this.#readCircumstances().unexpected;
  }

  /** The API's error objects beside the results, of all pages. They may be about any file, so none is `ok`. */
  get errors(): readonly ApiError[] {
    return this.#readCircumstances().errors;
  }

  /** Further pages of results that could not be read: of a batch, at most one for each request. */
  get unreadPages(): readonly UnreadPage[] {
    return this.#readCircumstances().unreadPages;
  }

  /** A link to further results that could not be followed: that of the first unread page. */
  get nextLink(): string | null {
    return this.#readCircumstances().nextLink;
  }

  /** The path of the call's journal, in which a person decides about the unknown files; `null` where it has none. */
  get journal(): string | null {
    return this.#readCircumstances().journal;
  }

  #readCircumstances(): Circumstances {
    return (this.#circumstances ??= readCircumstances(parse(this.#handle.circumstances())));
  }

  /** The answer's body as it came, its pages joined by line feeds; as much as was read of it. */
  get raw(): string {
    return this.#handle.raw();
  }

  /** The contacts that some step failed for, and the files whose contacts could not be read. */
  failedContacts(): FailedContacts {
    const { contacts, unreadable }: FailedContactsJSON = parse(this.#handle.failedContacts());
    const entries = Object.entries(contacts).map(
      ([contact, steps]) => [Number(contact), steps.map(([fileId, step]) => ({ fileId, step }))] as const,
    );
    // A Map alone would vanish from JSON.
    const toJSON = (): FailedContactsJSON => ({ contacts, unreadable });
    const toString = (): string => this.#handle.failedContactsText();
    return Object.defineProperties({ contacts: new Map(entries), unreadable }, { toJSON: { value: toJSON }, toString: { value: toString } });
  }

  /**
   * The report itself if every file is `ok`.
   *
   * @throws {@link PublishFailuresError} otherwise, with this report.
   */
  raiseForFailures(): this {
    const failure = this.#handle.failure();
    if (failure) {
      throw errorOf(failure, this);
    }
    return this;
  }

  /** Plain data, the same in every language: snake case, seconds, times as RFC 3339. */
  toJSON(): ReportJSON {
    return parse(this.#handle.toJson());
  }

  /** How many files are in which state and what was asked; then the files that are not `ok`. */
  toString(): string {
    return this.#handle.toString();
  }

  /** @internal */
  [inspect.custom](): string {
    return #handle in this ? `PublishReport: ${this.toString()}` : 'PublishReport {}';
  }
}

/** What files of a state are counted as. */
const COUNTED = { ok: 'ok', failed: 'failed', unknown: 'unknown', not_processed: 'notProcessed' } as const;

interface Circumstances {
  readonly attempts: readonly AttemptJSON[];
  readonly unexpected: readonly UnexpectedResult[];
  readonly errors: readonly ApiError[];
  readonly unreadPages: readonly UnreadPage[];
  readonly nextLink: string | null;
  readonly journal: string | null;
}

function readCircumstances(read: CircumstancesJSON): Circumstances {
  const { attempts, unexpected, errors, unread_pages, next_link, journal = null } = read;
  return {
    attempts,
    unexpected: Object.freeze(
      unexpected.map((result) =>
        Object.freeze({
          fileId: result.file_id,
          publishStatus: result.publish_status,
          notifyStatus: result.notify_status,
          errors: readErrors(result.errors),
        }),
      ),
    ),
    errors: Object.freeze(errors.map((error) => Object.freeze(error))),
    unreadPages: Object.freeze(
      unread_pages.map(({ link, http_status, reason, raw }) =>
        Object.freeze({ link, httpStatus: http_status, reason, raw }),
      ),
    ),
    nextLink: next_link,
    journal,
  };
}

function readAttempt(attempt: AttemptJSON): Attempt {
  return Object.freeze({
    sentAt: date(attempt.sent_at),
    answeredAt: date(attempt.answered_at),
    httpStatus: attempt.http_status,
    requestId: attempt.request_id,
    elapsedMs: milliseconds(attempt.elapsed),
    outcome: attempt.outcome,
    retryAfterMs: milliseconds(attempt.retry_after),
  });
}

readReportsWith((json) => PublishReport.fromJSON(json));

/** The report of an operation; a failure is thrown. */
export function reportOf(result: Report | Failure, options?: ErrorOptions): PublishReport {
  if (result instanceof native.Failure) {
    throw withReport(result, options);
  }
  return make(result);
}

/** The error that a failure is, with the report that it holds. */
export function withReport(failure: Failure, options?: ErrorOptions): PortalError {
  const report = native.Report.ofFailure(failure);
  return errorOf(failure, report && make(report), options);
}
