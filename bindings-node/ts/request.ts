/** What is asked for: one call of the API, and the options of every way to make it. */

import { refuse, succeeded } from './failure';
import { GeneratedReport } from './generatedReports';
import { type Ids, packFiles, packIds } from './ids';
import { parse, stringify } from './json';
import { native, type Request } from './native';
import {
  ANY,
  BOOLEAN,
  FUNCTION,
  type Kind,
  kind,
  MILLISECONDS,
  NUMBER,
  PATH,
  refuseMore,
  required,
  SIGNAL,
  STRING,
  STRINGS,
  type Table,
  tableOf,
  take,
} from './options';
import { inspect } from './util';
import type { ContactNotification, PortalPublishing, Repeat, RequestJSON } from './wire';

/**
 * What is to be done with the files. Both modes are required: no default may e-mail anybody. As in all options, own
 * enumerable properties count. The API's words are taken in upper case as well; requests and reports show them in lower case.
 */
export interface RequestOptions {
  /** Whose portals the files are published to. */
  portalPublishing: PortalPublishing | Uppercase<PortalPublishing>;
  /** Who is e-mailed about what was published. */
  contactNotification: ContactNotification | Uppercase<ContactNotification>;
  /** Contacts who receive **every** file of the call, whatever `portalPublishing` says. */
  publishOverrideContactIds?: Ids | undefined;
}

/** The files of a request: their ids, or those of a generated report with the names of their portfolios beside them. */
export type Files = Ids | GeneratedReport;

/** {@link RequestOptions}, and how the call can be ended. */
export interface PublishOptions extends RequestOptions {
  /**
   * Ends the call at once. If nothing can have been processed, it rejects with the signal's reason; otherwise
   * with an {@link OutcomeUnknownError} named `AbortError`, whose `cause` is the reason.
   */
  signal?: AbortSignal | null | undefined;
  /**
   * `allow` sends files that a journal in `journalDir` shows as sent, if it is known what became of them. That
   * includes files decided `published`, whose clients are e-mailed again, and files that were never processed and were
   * left out. An unknown file stays refused, also one decided `leave`. Without `journalDir` nothing is refused, and `allow`
   * leaves out the warning of such files that this process has sent before. Default `refuse`.
   */
  repeat?: Repeat | undefined;
}

/** Receives how far a batch has come. A promise is awaited before the batch goes on, unless the batch is to stop. */
export type ProgressCallable = (progress: Progress) => void | Promise<void>;

/** How a batch is resumed. */
export interface ResumeOptions {
  /** Called at the beginning, after each chunk and at each wait. If it throws or rejects, the batch stops as by `signal`, and what it rejects with has that as its `cause`. */
  onProgress?: ProgressCallable | undefined;
  /** Milliseconds that all waits for the rate limit may take together; default an hour. */
  maxWaitMs?: number | undefined;
  /** Whether to keep to the published limits before the server has to refuse; default no. */
  pace?: boolean | undefined;
  /**
   * Stops the batch: the request in flight is awaited and recorded, then it rejects with a
   * {@link StoppedError} named `AbortError`, whose `cause` is the signal's reason.
   */
  signal?: AbortSignal | null | undefined;
  /**
   * Ends the batch at once, after `signal` or without it: the request in flight is dropped, and its files are unknown. It
   * rejects with an {@link OutcomeUnknownError}, or with a {@link StoppedError} if no request was in flight; either is
   * named `AbortError`, and its `cause` is this signal's reason.
   */
  dropSignal?: AbortSignal | null | undefined;
  /**
   * Milliseconds that a batch which is stopped waits for the request in flight; then the request is dropped, and its
   * files are unknown, as if `dropSignal` had been aborted. Default: as long as `timeoutMs` allows.
   */
  stopTimeoutMs?: number | undefined;
}

/** How a batch goes. */
export interface BatchOptions extends RequestOptions, ResumeOptions {
  /** A file that does not exist yet, or the journal of this batch: its path, or a `file:` URL. */
  journal: string | URL;
  /**
   * How many files go into one request, 1 to 500; default 100. A crash makes up to this many unknown. A journal that is
   * resumed keeps the size that it was made with; any other than that and the default is refused.
   */
  chunkSize?: number | undefined;
  /**
   * `allow` sends files that a journal in `journalDir` shows as sent, if it is known what became of them. That
   * includes files decided `published`, whose clients are e-mailed again, and files that were never processed and were
   * left out. An unknown file stays refused, also one decided `leave`. Default `refuse`.
   */
  repeat?: Repeat | undefined;
  /**
   * The jobs of generated reports that the files came out of. With `null` as the list, all of theirs are published: those
   * that they have when the journal is made. What they have later, as of a job that was not over, is not sent, and a warning
   * names it whenever this is called again with the journal. They are looked at before anything is sent, a request for
   * each, and the journal keeps what they show: it can be settled then ({@link Journal.settle}), and its files have the
   * names of their portfolios.
   */
  reports?: readonly string[] | undefined;
  /**
   * Whether files that `reports` show as published already are left out when the journal is made; default no. Not beside
   * files that are named: each of them is reported. A report does not show to whom a file was published, nor whether
   * anybody was e-mailed. Where every file was published, nothing is sent, and the batch's report has no files and is `ok`.
   */
  skipPublished?: boolean | undefined;
}

/** How far a batch has come. */
export interface Progress {
  /** How many files there are. */
  readonly total: number;
  /** How many are `ok`. */
  readonly succeeded: number;
  readonly failed: number;
  readonly unknown: number;
  /** How many are yet to be processed. */
  readonly notProcessed: number;
  /** The chunk that was sent last, or is next; from 1. */
  readonly chunk: number;
  readonly chunks: number;
  /** Milliseconds that the batch now waits for the rate limit; `null` if it does not wait. */
  readonly waitingMs: number | null;
}

/** A mode; the core checks whether it is one of its words. */
function mode(words: readonly string[]): Kind {
  return required(kind(`one of ${words.join(', ')}`, STRING.takes));
}

/** The options of a request; the core checks what they say. */
const REQUEST: Table<RequestOptions> = tableOf({
  of: 'PublishRequest',
  as: 'input',
  kinds: {
    portalPublishing: mode(native.Request.portalPublishings()),
    contactNotification: mode(native.Request.contactNotifications()),
    publishOverrideContactIds: ANY,
  },
});

/** The options of a call. */
export const PUBLISH: Table<PublishOptions> = tableOf({
  of: 'publishFiles',
  as: 'input',
  kinds: { ...REQUEST.kinds, signal: SIGNAL, repeat: STRING },
});

/** The options of a batch that is resumed. */
export const RESUME: Table<ResumeOptions> = tableOf({
  of: 'resume',
  as: 'input',
  kinds: {
    onProgress: FUNCTION,
    maxWaitMs: MILLISECONDS,
    pace: BOOLEAN,
    signal: SIGNAL,
    dropSignal: SIGNAL,
    stopTimeoutMs: MILLISECONDS,
  },
});

/** The options of a batch. */
export const BATCH: Table<BatchOptions> = tableOf({
  of: 'publishBatch',
  as: 'input',
  kinds: {
    ...REQUEST.kinds,
    ...RESUME.kinds,
    journal: required(PATH),
    chunkSize: NUMBER,
    repeat: STRING,
    reports: STRINGS,
    skipPublished: BOOLEAN,
  },
});

/** The native side of a request. */
export let handleOf: (request: PublishRequest) => Request;

/** The request of a report. */
export let requestOf: (handle: Request) => PublishRequest;

/** One call of the API for 1 to 500 files, validated. Nothing is sent. Immutable. */
export class PublishRequest {
  readonly #handle: Request;
  readonly fileIds: readonly number[];
  readonly portalPublishing: PortalPublishing;
  readonly contactNotification: ContactNotification;
  readonly publishOverrideContactIds: readonly number[];

  /**
   * @param fileIds - From 1 to 500 distinct files, or a generated report.
   * @throws {@link InputError} naming the values that cannot be sent.
   */
  constructor(fileIds: Files, options: RequestOptions);
  constructor(fileIds: Files | Request, options?: RequestOptions) {
    refuseMore(arguments, 2, REQUEST);
    this.#handle = fileIds instanceof native.Request ? fileIds : createRequest(fileIds, take(options, REQUEST));
    this.fileIds = Object.freeze(Array.from(this.#handle.fileIds()));
    this.portalPublishing = this.#handle.portalPublishing();
    this.contactNotification = this.#handle.contactNotification();
    this.publishOverrideContactIds = Object.freeze(Array.from(this.#handle.publishOverrideContactIds()));
    Object.freeze(this);
  }

  /** File → the name of its portfolio, as far as that is known. It is not sent. */
  get portfolioNames(): ReadonlyMap<number, string> {
    return new Map(parse(this.#handle.portfolioNames()));
  }

  /** The body of the POST as an object. */
  toJSON(): RequestJSON {
    return parse(this.#handle.toJson());
  }

  /** What is asked, in short: the first five of its files. */
  toString(): string {
    return inspect(this, { breakLength: Infinity, maxArrayLength: 5 });
  }

  static {
    handleOf = (request) => request.#handle;
    requestOf = (handle) => new (PublishRequest as new (handle: unknown) => PublishRequest)(handle);
  }
}

/** A validated request without its face: a call does not look at it. */
export function createRequest(files: Files, options: RequestOptions, batch = false): Request {
  const [publishing, notification, overrides] = packOptions(options);
  const isReport = files instanceof GeneratedReport;
  const names = isReport ? stringify([...files.portfolioNames]) : undefined;
  const given = isReport ? files.fileIds : files;
  const fileIds = batch ? packIds('fileIds', given) : packFiles(given);
  return succeeded(native.Request.create(fileIds, publishing, notification, overrides, batch, names));
}

/**
 * The request of a batch; `null` stands for all files of the reports that its options name. A list that is `undefined` was
 * lost on its way, and must not publish them.
 */
export function createBatchRequest(files: Files | null, options: BatchOptions): Request {
  if (files === null) {
    return succeeded(native.Request.forReports(...packOptions(options)));
  }
  if (files === undefined && options.reports !== undefined) {
    refuse('input', '`fileIds` must be a list of ids, or null for all files of `reports`, not undefined.');
  }
  return createRequest(files, options, true);
}

function packOptions({ portalPublishing, contactNotification, publishOverrideContactIds }: RequestOptions) {
  const overrides = publishOverrideContactIds === undefined ? [] : publishOverrideContactIds;
  return [
    portalPublishing.toWellFormed(),
    contactNotification.toWellFormed(),
    packIds('publishOverrideContactIds', overrides),
  ] as const;
}
