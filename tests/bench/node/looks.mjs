// What is read of an answer: of every result its file, both statuses and its errors, the same of every contender's. The
// totals show that it is the same. The look comes for each shape that results have: rows as in the JSON, the report of
// addepar-portal, and the nothing that a raw socket gives.

/** How many failed, the sum of the ids, and how long the errors' codes and details are. */
function rows(results) {
  let [failed, ids, words] = [0, 0, 0];
  for (const { attributes } of results) {
    ids += attributes.file_id;
    if (attributes.publish_status !== 'success' || attributes.notify_status !== 'success') failed += 1;
    for (const error of attributes.error ?? []) words += error.code.length + error.detail.length;
  }
  return [failed, ids, words];
}

function report(files) {
  let [failed, ids, words] = [0, 0, 0];
  for (const file of files) {
    ids += file.fileId;
    if (file.published === false || file.notified === false) failed += 1;
    for (const error of file.errors) words += error.code.length + error.detail.length;
  }
  return [failed, ids, words];
}

export const LOOKS = { rows, report, nothing: () => [] };
