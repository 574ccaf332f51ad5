// What is read of an answer, the same of every contender's results; the totals show that it is the same.
// Each look comes for each shape that results have: rows as in the JSON, the report of addepar-portal, and
// the nothing that a raw socket gives.

/** Counts the failures and reads of every result its file, both statuses and its errors. */
function everyRow(rows) {
  let [failed, ids, words] = [0, 0, 0];
  for (const { attributes } of rows) {
    ids += attributes.file_id;
    if (attributes.publish_status !== 'success' || attributes.notify_status !== 'success') failed += 1;
    for (const error of attributes.error ?? []) words += error.code.length + error.detail.length;
  }
  return [failed, ids, words];
}

function everyRowOfReport(report) {
  let [failed, ids, words] = [0, 0, 0];
  for (const file of report) {
    ids += file.fileId;
    if (!file.published || !file.notified) failed += 1;
    for (const error of file.errors) words += error.code.length + error.detail.length;
  }
  return [failed, ids, words];
}

/** Whether all is well, and which files failed. */
function failedOnly(rows) {
  const failed = rows.filter(
    ({ attributes }) => attributes.publish_status !== 'success' || attributes.notify_status !== 'success',
  );
  return [Number(failed.length === 0), failed.reduce((sum, { attributes }) => sum + attributes.file_id, 0)];
}

function failedOnlyOfReport(report) {
  return [Number(report.ok), report.failed.reduce((sum, file) => sum + file.fileId, 0)];
}

const nothing = () => [];

export const LOOKS = {
  every_row: { rows: everyRow, report: everyRowOfReport, none: nothing },
  failed_only: { rows: failedOnly, report: failedOnlyOfReport, none: nothing },
};
