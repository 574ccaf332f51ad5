import { inspect, types } from 'node:util';

import { errorOf, type PortalError } from './errors';
import { type Id, readId, shown, typeName } from './ids';
import { type Failure, native, type Report, type Rows } from './native';
import { handleOf, type PublishRequest, requestOf } from './request';
import {
  type CircumstancesJSON,
  type FailedContactsJSON,
  type FileErrorJSON,
  type FileResultJSON,
  type FileState,
  milliseconds,
  type Outcome,
  type ReportJSON,
  type Status,
  type Step,
  type Verdict,
} from './wire';

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
  /** Whether publishing succeeded for all contacts; `null`: the API did not say. */
  readonly published: boolean | null;
  /** Likewise for e-mails. The API answers success as well when nobody was to be notified. */
  readonly notified: boolean | null;
  readonly publishStatus: Status | null;
  readonly notifyStatus: Status | null;
  readonly errors: readonly FileError[];
  /** The contacts to whom publishing failed; `null` where they cannot be told. */
  readonly contactsNotPublished: readonly number[] | null;
  /** The contacts who could not be e-mailed; `null` where they cannot be told. */
  readonly contactsNotNotified: readonly number[] | null;
  /** What a person decided about it, in the journal; the state stays what the server said. */
  readonly decision: Verdict | null;
}

/** A result that belongs to no requested file alone: not asked for, unreadable or contradictory. */
export interface UnexpectedResult {
  /** The id that it named, if it can be read. */
  readonly fileId: number | null;
  readonly publishStatus: Status | null;
  readonly notifyStatus: Status | null;
  readonly errors: readonly FileError[];
}

/** One POST, or one try at it. */
export interface Attempt {
  /** When the body began to go out; `null`: it never did. */
  readonly sentAt: Date | null;
  /** When the answer's head arrived; `null`: it never did. */
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

/** The contacts that some step failed for. */
export interface FailedContacts {
  /** Contact id → the files, and which step of each failed. */
  readonly contacts: ReadonlyMap<number, readonly FailedStep[]>;
  /** The files with a failure whose contacts could not be read. */
  readonly unreadable: readonly number[];
}

const NOBODY: readonly number[] = Object.freeze([]);
const NO_ERRORS: readonly FileError[] = Object.freeze([]);

let make: (handle: Report) => PublishReport;

/**
 * What became of every file that was asked for. Iterable over {@link FileResult}s; immutable.
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
    Object.freeze(this);
  }

  static {
    make = (handle) => new PublishReport(handle);
  }

  /**
   * Reads the body of an answer without any network.
   *
   * @throws {@link OutcomeUnknownError} where the body is cut, not JSON or has no `data` list.
   */
  static fromResponse(request: PublishRequest, body: string | Uint8Array): PublishReport {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    if (!types.isUint8Array(bytes)) {
      throw new TypeError(`body is of type ${typeName(body)}: it is a string or a Uint8Array`);
    }
    return reportOf(native.Report.fromResponse(handleOf(request), bytes));
  }

  /**
   * Reads what {@link toJSON} gave, in any language.
   *
   * @throws {@link InputError} where it is not the JSON of a report.
   */
  static fromJSON(json: string | ReportJSON): PublishReport {
    const text: string | undefined = typeof json === 'string' ? json : JSON.stringify(json);
    return reportOf(native.Report.fromJson(text ?? 'null'));
  }

  /** Whether the API reported no failure for every file: each is `ok`. */
  get ok(): boolean {
    return this.#handle.ok();
  }

  /** Whether nothing is left to be sent or to be decided about. */
  get settled(): boolean {
    return this.#handle.settled();
  }

  /** The files whose outcome is unknown and about which nobody has decided. */
  get undecided(): readonly number[] {
    return this.unknown.flatMap(({ fileId, decision }) => (decision === null ? fileId : []));
  }

  /** Every file, in the order asked. */
  get files(): readonly FileResult[] {
    return (this.#files ??= this.#readFiles());
  }

  #readFiles(): readonly FileResult[] {
    const { fileIds, exceptions } = this.#readRows();
    const files: FileResult[] = [];
    // Not `Array.from`: it takes three times as long.
    for (const fileId of fileIds) {
      files.push(okFile(fileId));
    }
    for (const { position, file } of exceptions) {
      files[position] = file;
    }
    return Object.freeze(files);
  }

  #readRows(): ReadRows {
    return (this.#rows ??= new RowReader(this.#handle.rows()).rows());
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
   * The files in state `not_processed`: the server did not begin to process them. Those of which a person decided that
   * they need not be (`published`, `leave`) are not among them.
   */
  get notProcessed(): readonly FileResult[] {
    const isLeft = ({ decision }: FileResult): boolean => decision === null || decision === 'not_published';
    return this.#among((file) => file.state === 'not_processed' && isLeft(file));
  }

  /** Those that are asked for because not all is well with them: none of the files that go without saying. */
  #among(wanted: (file: FileResult) => boolean): readonly FileResult[] {
    return this.#readRows().exceptions.flatMap(({ file }) => (wanted(file) ? file : []));
  }

  /** The files of which the API reported that publishing failed for some or all contacts. */
  get notPublished(): readonly FileResult[] {
    return this.#among((file) => file.published === false);
  }

  /** The files of which the API reported that notifying failed for some or all contacts. */
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
    return this.#readCircumstances().attempts;
  }

  /** Results that belong to no requested file alone, as they came. */
  get unexpected(): readonly UnexpectedResult[] {
    return this.#readCircumstances().unexpected;
  }

  /** A link to further results that could not be followed. */
  get nextLink(): string | null {
    return this.#readCircumstances().nextLink;
  }

  #readCircumstances(): Circumstances {
    return (this.#circumstances ??= readCircumstances(JSON.parse(this.#handle.circumstances())));
  }

  /** The answer's body as it came, its pages joined by line feeds; as much as was read of it. */
  get raw(): string {
    return this.#handle.raw();
  }

  /** The contacts that some step failed for, and the files whose contacts could not be read. */
  failedContacts(): FailedContacts {
    const { contacts, unreadable }: FailedContactsJSON = JSON.parse(this.#handle.failedContacts());
    const entries = Object.entries(contacts).map(
      ([contact, steps]) => [Number(contact), steps.map(([fileId, step]) => ({ fileId, step }))] as const,
    );
    // A Map alone would vanish from JSON.
    const toJSON = (): FailedContactsJSON => ({ contacts, unreadable });
    return Object.defineProperty({ contacts: new Map(entries), unreadable }, 'toJSON', { value: toJSON });
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
    return JSON.parse(this.#handle.toJson());
  }

  /** How many files are in which state and what was asked; then the files that are not `ok`. */
  toString(): string {
    return this.#handle.toString();
  }

  /** @internal */
  [inspect.custom](): string {
    return `PublishReport: ${this.toString()}`;
  }
}

/**
 * A file of which there is nothing to say but that both steps succeeded. Read-only by its type: to
 * freeze each row would take longer than to make it.
 */
function okFile(fileId: number): FileResult {
  return {
    fileId,
    state: 'ok',
    published: true,
    notified: true,
    publishStatus: 'success',
    notifyStatus: 'success',
    errors: NO_ERRORS,
    contactsNotPublished: NOBODY,
    contactsNotNotified: NOBODY,
    decision: null,
  };
}

/** The files of a report. Those that go without saying are made when they are looked at. */
interface ReadRows {
  readonly fileIds: Rows['cells'];
  readonly exceptions: readonly Exception[];
}

/** A file about which there is more to say than {@link okFile} does, and where it stands. */
interface Exception {
  readonly position: number;
  readonly file: FileResult;
}

/** Reads the addon's {@link Rows}, cell by cell. */
class RowReader {
  readonly #cells: Rows['cells'];
  readonly #texts: readonly string[];
  #at = 0;

  constructor({ cells, texts }: Rows) {
    this.#cells = cells;
    this.#texts = JSON.parse(texts);
  }

  rows(): ReadRows {
    const count = this.#cell();
    const fileIds = this.#cells.subarray(this.#at, (this.#at += count));
    const exceptions: Exception[] = [];
    while (this.#at < this.#cells.length) {
      const position = this.#cell();
      exceptions.push({ position, file: this.#file(fileIds[position] as number) });
    }
    return { fileIds, exceptions };
  }

  #file(fileId: number): FileResult {
    return {
      fileId,
      state: this.#text() as FileState,
      published: this.#answer(),
      notified: this.#answer(),
      publishStatus: this.#text(),
      notifyStatus: this.#text(),
      errors: this.#errors(),
      contactsNotPublished: this.#contacts(),
      contactsNotNotified: this.#contacts(),
      decision: this.#text() as Verdict | null,
    };
  }

  #errors(): readonly FileError[] {
    return list(this.#cell(), () => freezeError(this.#text(), this.#text(), this.#text(), this.#contacts()));
  }

  #contacts(): readonly number[] | null {
    const count = this.#cell();
    if (count <= 0) {
      return count === 0 ? NOBODY : null;
    }
    return list(count, () => this.#cell());
  }

  #answer(): boolean | null {
    const answer = this.#cell();
    return answer < 0 ? null : answer === 1;
  }

  #text(): string | null {
    const place = this.#cell();
    return place < 0 ? null : (this.#texts[place] as string);
  }

  #cell(): number {
    return this.#cells[this.#at++] as number;
  }
}

/** A frozen list of so many members: `push` would make room for many more, `Array.from` takes long. */
function list<T>(length: number, next: () => T): readonly T[] {
  // oxlint-disable-next-line unicorn/no-new-array
  const members = new Array<T>(length);
  for (let place = 0; place < length; place += 1) {
    members[place] = next();
  }
  return Object.freeze(members);
}

/** A file as JSON has it. */
export function readFile(file: FileResultJSON): FileResult {
  return {
    fileId: file.file_id,
    state: file.state,
    published: file.published,
    notified: file.notified,
    publishStatus: file.publish_status,
    notifyStatus: file.notify_status,
    errors: readErrors(file.errors),
    contactsNotPublished: file.contacts_not_published && Object.freeze(file.contacts_not_published),
    contactsNotNotified: file.contacts_not_notified && Object.freeze(file.contacts_not_notified),
    decision: file.decision,
  };
}

function readErrors(errors: FileErrorJSON[]): readonly FileError[] {
  return Object.freeze(
    errors.map(({ code, title, detail, contact_ids }) =>
      freezeError(code, title, detail, contact_ids && Object.freeze(contact_ids)),
    ),
  );
}

function freezeError(
  code: string | null,
  title: string | null,
  detail: string | null,
  contactIds: readonly number[] | null,
): FileError {
  return Object.freeze({ code, title, detail, contactIds });
}

interface Circumstances {
  readonly attempts: readonly Attempt[];
  readonly unexpected: readonly UnexpectedResult[];
  readonly nextLink: string | null;
}

function readCircumstances({ attempts, unexpected, next_link }: CircumstancesJSON): Circumstances {
  return {
    attempts: Object.freeze(
      attempts.map((attempt) =>
        Object.freeze({
          sentAt: attempt.sent_at === null ? null : new Date(attempt.sent_at),
          answeredAt: attempt.answered_at === null ? null : new Date(attempt.answered_at),
          httpStatus: attempt.http_status,
          requestId: attempt.request_id,
          elapsedMs: milliseconds(attempt.elapsed),
          outcome: attempt.outcome,
          retryAfterMs: attempt.retry_after === null ? null : milliseconds(attempt.retry_after),
        }),
      ),
    ),
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
    nextLink: next_link,
  };
}

/** The report of an operation; a failure is thrown. */
export function reportOf(result: Report | Failure, options?: ErrorOptions): PublishReport {
  if (result instanceof native.Failure) {
    throw withReport(result, options);
  }
  return make(result);
}

/** The error that a failure is, with the report that it holds. */
export function withReport(failure: Failure, options?: ErrorOptions): PortalError {
  const report = failure.report();
  return errorOf(failure, report && make(report), options);
}
