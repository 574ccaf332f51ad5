/** The files of a report, as the addon and as JSON have them. */

import { parse } from './json';
import type { FileError, FileResult } from './types';
import type { FileErrorJSON, FileResultJSON } from './wire';

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

/**
 * Reads the addon's cells; its `rows.rs` says which there are. Each is taken where it is needed: most processes end before
 * V8 has compiled much of this, and a function for each kind of cell took half as long again.
 */
export function readRows(text: string): ReadRows {
  const cells = parse(text);
  let at = 0;
  const contacts = (): readonly number[] | null => {
    const count: number | null = cells[at++];
    return count ? Object.freeze(cells.slice(at, (at += count))) : count === 0 ? NOBODY : null;
  };
  const errors = (): readonly FileError[] => {
    // `push` would make room for many more, and `Array.from` takes long.
    // oxlint-disable-next-line unicorn/no-new-array
    const read = new Array<FileError>(cells[at++]);
    for (let place = 0; place < read.length; place += 1) {
      read[place] = freezeError(cells[at++], cells[at++], cells[at++], contacts());
    }
    return Object.freeze(read);
  };
  const steps = { published: cells[at++], notified: cells[at++] };
  const count: number = cells[at++];
  const fileIds: number[] = cells.slice(at, (at += count));
  const exceptions: Exception[] = [];
  while (at < cells.length) {
    const position: number = cells[at++];
    const file = Object.freeze({
      fileId: fileIds[position] as number,
      state: cells[at++],
      published: cells[at++],
      notified: cells[at++],
      publishStatus: cells[at++],
      notifyStatus: cells[at++],
      errors: errors(),
      contactsNotPublished: contacts(),
      contactsNotNotified: contacts(),
      decision: cells[at++],
      reason: cells[at++],
      portfolioName: cells[at++],
    });
    exceptions.push({ position, file });
  }
  return { steps, fileIds, exceptions };
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
