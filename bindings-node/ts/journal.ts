/** Journals, for people who look at a run and decide about files whose outcome is unknown. */

import { warn } from './call';
import { isClient, type PortalClient, settleWith } from './client';
import { succeeded } from './failure';
import { readSettlement, type Settlement } from './generatedReports';
import { type Ids, packIds } from './ids';
import { parse } from './json';
import { type Journal as Handle, native } from './native';
import { BOOLEAN, checked, kind, PATH, refuseMore, required, SIGNAL, STRING, STRINGS, type Table, tableOf, take } from './options';
import { type PublishReport, reportOf, withReport } from './report';
import { readFile } from './rows';
import type { FileResult } from './types';
import { inspect } from './util';
import { visible } from './visible';
import { type DecidedJSON, date, type FileState, type JournalJSON, type JournalledFileJSON, type Verdict } from './wire';
import { shown } from './words';

/** A file in a journal: what became of it, as far as the server said, and what a person found out. */
export interface JournalledFile extends FileResult {
  /** The chunk in which it was, or will be, sent; from 1. */
  readonly chunk: number;
  readonly decidedBy: string | null;
  readonly decidedAt: Date | null;
  readonly evidence: string | null;
  /** Whether another call was sending it when the journal was read, or was about to: nobody has to decide about it. */
  readonly inFlight: boolean;
}

/** A chunk in a journal: the files of one request. */
export interface JournalledChunk {
  /** Its number, from 1. */
  readonly chunk: number;
  /** `in_flight` if another call is sending it, or is about to: `attempts` is 0 then, or the server refused it last. */
  readonly state: 'processed' | 'in_flight' | Extract<FileState, 'unknown' | 'not_processed'>;
  /** How often it was about to be sent. */
  readonly attempts: number;
  /** When it was sent last. */
  readonly sentAt: Date | null;
  readonly fileIds: readonly number[];
}

/** Who decides, and why. */
export interface DecisionOptions {
  by: string;
  /**
   * What it is based on. `published` and `not_published` are not taken in words that stood with any decision before the file was
   * sent last, or without any once something had been decided before that: they are those of a script that runs again. Look
   * again, and say what you found.
   */
  evidence?: string | undefined;
}

/** How a journal is settled. */
export interface SettleOptions {
  /** Whether what is proven is recorded as decisions in the journal; default no. */
  apply?: boolean | undefined;
  /** Ends it at once: it rejects with the signal's reason, and nothing is decided. */
  signal?: AbortSignal | null | undefined;
}

const SETTLE: Table<SettleOptions> = tableOf({ of: 'settle', as: 'input', kinds: { apply: BOOLEAN, signal: SIGNAL } });

const CLIENT = kind('a PortalClient', isClient);

const DECISION: Table<DecisionOptions> = tableOf({
  of: 'decide',
  as: 'decision',
  kinds: { by: required(STRING), evidence: STRING },
});

function journalled(file: JournalledFileJSON): JournalledFile {
  return Object.assign(readFile(file), {
    chunk: file.chunk,
    decidedBy: file.decided_by,
    decidedAt: date(file.decided_at),
    evidence: file.evidence,
    inFlight: file.in_flight,
  });
}

/** A path that some function takes alone. */
function pathOf(of: string, name: string, given: ArrayLike<unknown>): string {
  refuseMore(given, 1, { of, as: 'input' });
  return PATH.read(checked(name, given[0], PATH)) as string;
}

/**
 * Sets a folder up for journals, once: it is made if it is missing, and marked. `journalDir` takes no other one, since a
 * share that is not mounted looks like an empty folder. A folder that was set up before keeps its id. It is synchronous, for
 * scripts that set something up.
 *
 * @returns The folder's id.
 * @throws {@link JournalError} where it cannot be made or written.
 */
export function initJournalDir(folder: string | URL): string;
export function initJournalDir(...given: unknown[]): string {
  return succeeded(native.initJournalDir(pathOf('initJournalDir', 'folder', given)));
}

/**
 * Records that a journal is gone for good, or will not have again what it lost. Calls with its folder refuse to send
 * anything until then, since nobody knows any more what it showed as sent. It is synchronous, as {@link Journal.decide} is.
 *
 * @returns The files that it named: any of them may have been published and e-mailed. Check each in Addepar before it is
 * sent again.
 * @throws {@link JournalError} where no call misses anything of it, what is left of it is still there, or its folder cannot be
 * used; {@link ConfigError} where its folder is not one for journals.
 */
export function forgetJournal(path: string | URL): number[];
export function forgetJournal(...given: unknown[]): number[] {
  return Array.from(succeeded(native.forgetJournal(pathOf('forgetJournal', 'path', given))));
}

let show: (journal: Journal) => void;

/**
 * A journal as it is on disk when this is made, with what is recorded by this object since. Another process may be writing
 * it, and another person may decide: make a new one to see that.
 */
export class Journal {
  readonly path: string;
  #handle: Handle;

  /**
   * Reads it at once, as `fs.readFileSync` does: the event loop waits as long as the disk takes.
   *
   * @param path - Where it is: a path, or a `file:` URL.
   * @throws {@link JournalError} where it is missing, damaged, cut short or of a newer version.
   */
  constructor(path: string | URL);
  constructor(...given: unknown[]) {
    this.path = pathOf('Journal', 'path', given);
    this.#handle = succeeded(native.Journal.open(this.path));
    show(this);
  }

  static {
    show = visible(this.prototype, ['files', 'chunks', 'undecided', 'inFlight', 'skipped', 'report']);
  }

  /** Every file, in the order asked. */
  get files(): readonly JournalledFile[] {
    return this.toJSON().files.map(journalled);
  }

  /** Every chunk, in order. */
  get chunks(): readonly JournalledChunk[] {
    return this.toJSON().chunks.map(({ chunk, state, attempts, sent_at, file_ids }) => ({
      chunk,
      state,
      attempts,
      sentAt: date(sent_at),
      fileIds: file_ids,
    }));
  }

  /** The files whose outcome is unknown and about which nobody has decided yet. */
  get undecided(): readonly number[] {
    return this.toJSON().undecided;
  }

  /** The files that another call was sending when the journal was read, or was about to: what becomes of them is to be awaited. */
  get inFlight(): readonly number[] {
    return this.toJSON().in_flight;
  }

  /** The files that `skipPublished` left out: a generated report showed them as published already. They are in no other list. */
  get skipped(): readonly number[] {
    return this.toJSON().skipped ?? [];
  }

  /** The run so far. Raw answers stay in the journal. */
  get report(): PublishReport {
    return reportOf(this.#handle.report());
  }

  /**
   * Records what a person found out about files, after looking in Addepar: of all of them, or of none. A later decision
   * about a file replaces an earlier one, until it is sent again, if this journal has shown that one. Afterwards this
   * object shows the decision too; what others have recorded since it was read, a new `Journal` shows.
   *
   * `published` and `leave` mean that this run does not send a file again; about one that is yet to be sent they may be
   * said as well, as of a file that was published some other way: then it is left out, and `process.emitWarning`
   * says so. `not_published` is said of a file whose outcome is unknown: the next resume sends it. It is refused sooner than
   * 90 seconds after the request went out, since Addepar may still be working on it.
   *
   * It is on disk when this returns. As with `fs.writeFileSync`, the event loop waits meanwhile, up to a third of a second where
   * another call is writing the journal: a service that must not stall decides in a worker thread.
   *
   * @param options - `by`: who decides; `evidence`: what was seen.
   * @returns The files about which somebody had decided before, as they were then: this decision replaces that one.
   * @throws {@link InputError} naming the values that are not ids, not a decision or not text.
   * {@link JournalError} where a file is not of this run or its outcome is known, where it is too soon (the message says
   * when it will be taken), or where the journal is being written; of the reason `outdated` where, since this journal was
   * read, somebody else has decided about one of the files, or it was sent. Then make a new `Journal` and look again.
   */
  decide(fileIds: Ids, decision: Verdict, options: DecisionOptions): readonly JournalledFile[] {
    refuseMore(arguments, 3, DECISION);
    const { by, evidence } = take(options, DECISION);
    const decided = this.#handle.decide(packIds('fileIds', fileIds, 'decision'), shown(decision), by, evidence);
    if (decided instanceof native.Failure) {
      throw withReport(decided);
    }
    const { replaced, warning }: DecidedJSON = parse(decided);
    if (warning !== null) {
      warn(warning);
    }
    return replaced.map(journalled);
  }

  /**
   * Finds out what generated reports prove about the files whose outcome is unknown, and records that if `apply` is set.
   * It sends nothing: {@link PortalClient.resume} does. It looks twice, and waits two minutes in between, unless the
   * journal has a look that is old enough. Each look is a GET for each report, which counts against the firm's quota.
   *
   * Only a little can be proven: see {@link Settlement}. Afterwards this object shows what was recorded, too; what others
   * have recorded since it was read, a new `Journal` shows.
   *
   * @param client - A client of the firm that the journal is of.
   * @param jobIds - The jobs whose reports are looked at; default those that the journal names.
   * @throws As {@link PortalClient.generatedReport}; {@link JournalError}: the journal cannot be used.
   */
  async settle(client: PortalClient, jobIds?: readonly string[], options?: SettleOptions): Promise<Settlement> {
    refuseMore(arguments, 3, SETTLE);
    const { apply = false, signal } = take(options, SETTLE);
    checked('client', client, CLIENT);
    const jobs = jobIds === undefined ? [] : checked('jobIds', jobIds, STRINGS);
    signal?.throwIfAborted();
    const settled = await settleWith(client, { journal: this.#handle, jobIds: jobs, apply, signal });
    const settlement = readSettlement(settled);
    if (settlement.applied) {
      const decided = settlement.files.flatMap(({ decision, fileId }) => (decision === null ? [] : fileId));
      this.#handle = succeeded(await this.#handle.settled(Float64Array.from(decided)));
    }
    return settlement;
  }

  /** Plain data, the same in every language. */
  toJSON(): JournalJSON {
    return parse(this.#handle.toJson());
  }

  /** Its path, and the run so far in words. */
  toString(): string {
    return `Journal ${inspect(this.path)}: ${this.report.toString()}`;
  }

  /** @internal */
  [inspect.custom](): string {
    return #handle in this ? this.toString() : 'Journal {}';
  }
}
