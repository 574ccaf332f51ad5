/** What is asked for: one call of the API, and the options of every way to make it. */

import { succeeded } from './failure';
import { type Ids, packIds } from './ids';
import { parse } from './json';
import { native, type Request } from './native';
import { ANY, BOOLEAN, FUNCTION, hasMethods, kind, NUMBER, required, STRING, type Table, take } from './options';
import type { ContactNotification, PortalPublishing, Repeat, RequestJSON } from './wire';
import { shown } from './words';

/**
 * What is to be done with the files. Both modes are required: no default may e-mail anybody. As in all options, own
 * enumerable properties count.
 */
export interface RequestOptions {
  /** Whose portals the files are published to. */
  portalPublishing: PortalPublishing;
  /** Who is e-mailed about what was published. */
  contactNotification: ContactNotification;
  /** Contacts who receive **every** file of the call, whatever `portalPublishing` says. */
  publishOverrideContactIds?: Ids | undefined;
}

/** {@link RequestOptions}, and how the call can be ended. */
export interface PublishOptions extends RequestOptions {
  /**
   * Ends the call at once. If nothing had gone out, it rejects with the signal's reason; otherwise
   * with an {@link OutcomeUnknownError} named `AbortError`, whose `cause` is the reason.
   */
  signal?: AbortSignal | undefined;
  /** `allow` sends files that a journal in `journalDir` shows as sent; default `refuse`. */
  repeat?: Repeat | undefined;
}

/** Receives how far a batch has come. A promise is awaited before the batch goes on. */
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
  signal?: AbortSignal | undefined;
  /**
   * Milliseconds that a batch which is stopped waits for the request in flight; then the request is dropped, and its
   * files are unknown. Default: as long as `timeoutMs` allows.
   */
  stopTimeoutMs?: number | undefined;
}

/** How a batch goes. */
export interface BatchOptions extends RequestOptions, ResumeOptions {
  /** A file that does not exist yet, or the journal of this batch. */
  journal: string;
  /**
   * How many files go into one request, 1 to 500; default 100. A crash makes up to this many unknown. A journal that is
   * resumed keeps the size that it was made with; any other than that and the default is refused.
   */
  chunkSize?: number | undefined;
  /** `allow` sends files that a journal in `journalDir` shows as sent; default `refuse`. */
  repeat?: Repeat | undefined;
}

/** How far a batch has come. */
export interface Progress {
  /** How many files there are. */
  readonly total: number;
  readonly ok: number;
  readonly failed: number;
  readonly unknown: number;
  /** How many are yet to be processed. */
  readonly notProcessed: number;
  /** The chunk that was sent last, or is next; from 1. */
  readonly chunk: number;
  readonly chunks: number;
  /** Milliseconds that the batch now waits for the rate limit; `null`: it does not wait. */
  readonly waitingMs: number | null;
}

/** The options of a request; the core judges them, whatever they are. */
const REQUEST: Table<RequestOptions> = {
  as: 'input',
  kinds: { portalPublishing: ANY, contactNotification: ANY, publishOverrideContactIds: ANY },
};

const SIGNAL = kind(
  'an AbortSignal',
  (signal) =>
    hasMethods(signal, ['throwIfAborted', 'addEventListener', 'removeEventListener']) &&
    typeof (signal as AbortSignal).aborted === 'boolean',
);

/** The options of a call. */
export const PUBLISH: Table<PublishOptions> = {
  as: 'input',
  kinds: { ...REQUEST.kinds, signal: SIGNAL, repeat: STRING },
};

/** The options of a batch that is resumed. */
export const RESUME: Table<ResumeOptions> = {
  as: 'input',
  kinds: { onProgress: FUNCTION, maxWaitMs: NUMBER, pace: BOOLEAN, signal: SIGNAL, stopTimeoutMs: NUMBER },
};

/** The options of a batch. */
export const BATCH: Table<BatchOptions> = {
  as: 'input',
  kinds: { ...REQUEST.kinds, ...RESUME.kinds, journal: required(STRING), chunkSize: NUMBER, repeat: STRING },
};

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
   * @param fileIds - From 1 to 500 distinct files.
   * @throws {@link InputError} naming the values that cannot be sent.
   */
  constructor(fileIds: Ids, options: RequestOptions);
  constructor(fileIds: Ids | Request, options?: RequestOptions) {
    this.#handle = fileIds instanceof native.Request ? fileIds : createRequest(fileIds, take(options, REQUEST));
    this.fileIds = Object.freeze(Array.from(this.#handle.fileIds()));
    this.portalPublishing = this.#handle.portalPublishing();
    this.contactNotification = this.#handle.contactNotification();
    this.publishOverrideContactIds = Object.freeze(Array.from(this.#handle.publishOverrideContactIds()));
    Object.freeze(this);
  }

  /** The body of the POST as an object. */
  toJSON(): RequestJSON {
    return parse(this.#handle.toJson());
  }

  static {
    handleOf = (request) => request.#handle;
    requestOf = (handle) => new (PublishRequest as new (handle: unknown) => PublishRequest)(handle);
  }
}

/** A validated request without its face: a call does not look at it. */
export function createRequest(fileIds: Ids, options: RequestOptions, batch = false): Request {
  const { portalPublishing, contactNotification, publishOverrideContactIds } = options;
  return succeeded(
    native.Request.create(
      packIds('fileIds', fileIds),
      shown(portalPublishing),
      shown(contactNotification),
      packIds('publishOverrideContactIds', publishOverrideContactIds === undefined ? [] : publishOverrideContactIds),
      batch,
    ),
  );
}
