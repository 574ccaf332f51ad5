/** The files of a report, as the addon and as JSON have them. */

import { parse } from './json';
import type { FileError, FileResult } from './types';
import type { FileErrorJSON, FileResultJSON, FileState, Verdict } from './wire';

const NOBODY: readonly number[] = Object.freeze([]);
const NO_ERRORS: readonly FileError[] = Object.freeze([]);

/** Whether files were published and notified about which there is nothing to say; `null` if nobody asked for it. */
interface Steps {
  readonly published: boolean | null;
  readonly notified: boolean | null;
}

/**
 * A file of which there is nothing to say but that the steps succeeded that were asked for.
 */
export function okFile(fileId: number, { published, notified }: Steps): FileResult {
  return Object.freeze({
    fileId,
    state: 'ok',
    published,
    notified,
    publishStatus: 'success',
    notifyStatus: 'success',
    errors: NO_ERRORS,
    contactsNotPublished: NOBODY,
    contactsNotNotified: NOBODY,
    decision: null,
    reason: null,
    portfolioName: null,
  });
}

/** The files of a report. Those that go without saying are made when they are looked at. */
export interface ReadRows {
  readonly steps: Steps;
  readonly fileIds: readonly number[];
  readonly exceptions: readonly Exception[];
}

/** A file about which there is more to say than {@link okFile} does, and where it stands. */
interface Exception {
  readonly position: number;
  readonly file: FileResult;
}

/** Reads the addon's cells, one by one; its `rows.rs` says which there are. */
export class RowReader {
  readonly #cells: readonly unknown[];
  #at = 0;

  constructor(cells: string) {
    this.#cells = parse(cells);
  }

  rows(): ReadRows {
    const steps = { published: this.#answer(), notified: this.#answer() };
    const fileIds = this.#ids(this.#count());
    const exceptions: Exception[] = [];
    while (this.#at < this.#cells.length) {
      const position = this.#count();
      exceptions.push({ position, file: this.#file(fileIds[position] as number) });
    }
    return { steps, fileIds, exceptions };
  }

  #file(fileId: number): FileResult {
    return Object.freeze({
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
      reason: this.#text(),
      portfolioName: this.#text(),
    });
  }

  #errors(): readonly FileError[] {
    // `push` would make room for many more, and `Array.from` takes long.
    // oxlint-disable-next-line unicorn/no-new-array
    const errors = new Array<FileError>(this.#count());
    for (let place = 0; place < errors.length; place += 1) {
      errors[place] = freezeError(this.#text(), this.#text(), this.#text(), this.#contacts());
    }
    return Object.freeze(errors);
  }

  #contacts(): readonly number[] | null {
    const count = this.#cell() as number | null;
    return count ? Object.freeze(this.#ids(count)) : count === 0 ? NOBODY : null;
  }

  #ids(count: number): number[] {
    return this.#cells.slice(this.#at, (this.#at += count)) as number[];
  }

  #count(): number {
    return this.#cell() as number;
  }

  #answer(): boolean | null {
    return this.#cell() as boolean | null;
  }

  #text(): string | null {
    return this.#cell() as string | null;
  }

  #cell(): unknown {
    return this.#cells[this.#at++];
  }
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
    reason: file.reason,
    portfolioName: file.portfolio_name,
  };
}

export function readErrors(errors: FileErrorJSON[]): readonly FileError[] {
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
