import { inspect } from 'node:util';

import { raise, refuseOthers, succeeded } from './errors';
import { type Ids, packIds, shown } from './ids';
import { type Journal as Handle, native } from './native';
import { own } from './options';
import { type FileResult, type PublishReport, readFile, reportOf } from './report';
import type { FileState, JournalJSON, Verdict } from './wire';

/** A file in a journal: what became of it, as far as the server said, and what a person found out. */
export interface JournalledFile extends FileResult {
  /** The chunk in which it was, or will be, sent; from 1. */
  readonly chunk: number;
  readonly decidedBy: string | null;
  readonly decidedAt: Date | null;
  readonly evidence: string | null;
}

/** A chunk in a journal: the files of one request. */
export interface JournalledChunk {
  /** Its number, from 1. */
  readonly chunk: number;
  readonly state: 'processed' | Extract<FileState, 'unknown' | 'not_processed'>;
  /** How often it was about to be sent. */
  readonly attempts: number;
  /** When it was sent last. */
  readonly sentAt: Date | null;
  readonly fileIds: readonly number[];
}

/**
 * Sets a folder up for journals, once: it is made if it is missing, and marked. `journalDir` takes no other one, since a
 * share that is not mounted looks like an empty folder. A folder that was set up before keeps its id.
 *
 * @returns The folder's id.
 * @throws {@link JournalError} where it cannot be made or written.
 */
export function initJournalDir(folder: string): string {
  if (typeof folder !== 'string') {
    raise(native.Failure.input(`folder is ${shown(folder)}: it is a string.`));
  }
  const id = native.initJournalDir(folder);
  return id instanceof native.Failure ? raise(id) : id;
}

/** A journal as it is on disk when this is made. Another process may be writing it. */
export class Journal {
  readonly path: string;
  readonly #handle: Handle;

  /**
   * @param path - Where it is.
   * @throws {@link JournalError} where it is missing, damaged or of a newer version.
   */
  constructor(path: string) {
    if (typeof path !== 'string') {
      raise(native.Failure.input(`path is ${shown(path)}: it is a string.`));
    }
    this.path = path;
    this.#handle = succeeded(native.Journal.open(path));
  }

  /** Every file, in the order asked. */
  get files(): readonly JournalledFile[] {
    return this.toJSON().files.map((file) =>
      Object.assign(readFile(file), {
        chunk: file.chunk,
        decidedBy: file.decided_by,
        decidedAt: time(file.decided_at),
        evidence: file.evidence,
      }),
    );
  }

  /** Every chunk, in order. */
  get chunks(): readonly JournalledChunk[] {
    return this.toJSON().chunks.map(({ chunk, state, attempts, sent_at, file_ids }) => ({
      chunk,
      state,
      attempts,
      sentAt: time(sent_at),
      fileIds: file_ids,
    }));
  }

  /** The files whose outcome is unknown and about which nobody has decided yet. */
  get undecided(): readonly number[] {
    return this.toJSON().undecided;
  }

  /** The run so far. Raw answers stay in the journal. */
  get report(): PublishReport {
    return reportOf(this.#handle.report());
  }

  /**
   * Records what a person found out about files whose outcome is unknown: all of them, or none.
   *
   * @param decision - `published` and `leave`: not sent again; `not_published`: the next resume sends it.
   * @throws {@link InputError} naming the values that are not ids, not a decision or not text.
   * {@link JournalError} where a file is not of this run or its outcome is known, or where the journal is
   * being written.
   */
  decide(fileIds: Ids, decision: Verdict, options: { by: string; evidence?: string | undefined }): void {
    const { by, evidence, ...unknown } = own(options, ['by', 'evidence']);
    refuseOthers(unknown, 'by and evidence.');
    for (const [name, value] of Object.entries({ by, evidence: evidence === undefined ? '' : evidence })) {
      if (typeof value !== 'string') {
        raise(native.Failure.input(`${name} is ${shown(value)}: it is a string.`));
      }
    }
    const failure = this.#handle.decide(packIds('file_ids', fileIds), shown(decision), by, evidence);
    if (failure) {
      raise(failure);
    }
  }

  /** Plain data, the same in every language. */
  toJSON(): JournalJSON {
    return JSON.parse(this.#handle.toJson());
  }

  /** @internal */
  [inspect.custom](): string {
    return `Journal ${inspect(this.path)}: ${this.report.toString()}`;
  }
}

function time(text: string | null): Date | null {
  return text === null ? null : new Date(text);
}
