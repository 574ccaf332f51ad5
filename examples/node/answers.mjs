// What a service answers over HTTP, above all when a publication did not end well. `fastify.mjs` and `express.mjs` use it, and
// `service.mjs` for its folder, its reports and its messages.
//
// Clients, gateways and meshes repeat what was answered with 429 or 5xx by themselves, a PUT after a 500 as well (got, ky, undici's
// RetryAgent, axios-retry). So whatever was published, or may have been, is answered with 409, which none of them repeats. An
// answer from 500 on means that this call has processed nothing.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { isPortalError } from 'addepar-portal';

/** How many bytes a request may have: enough for 100,000 ids, however long they are. */
export const MOST_BYTES = 2 ** 21;

/** Why a service aborts its calls when it stops. A call that had not begun rejects with it, and sends nothing. */
export const SHUTDOWN = new Error('the service stops');

/** The folder of journals that was there at the start is not there now: its disk, say, is not mounted any more. */
export class FolderGone extends Error {}

/**
 * Refuses a folder that is not set up for journals, as a disk looks that is not mounted. Otherwise gives what a service asks before
 * each call: it throws where the folder is not there any more, or another one is in its place.
 */
export async function folderCheck(folder) {
  // Each folder that is set up has a mark with an id of its own.
  const readMark = () => readFile(join(folder, 'addepar-portal-journals.json'), 'utf8').catch((error) => error);
  const mark = await readMark();
  if (mark instanceof Error) throw new Error(`${folder} is not set up for journals: is its disk mounted?`, { cause: mark });
  return async () => {
    const found = await readMark();
    if (found !== mark) throw new FolderGone(`${folder} is not the folder that it was: is its disk mounted?`, { cause: found });
  };
}

/**
 * Ends what connections are left to a stopped service that has nothing more to answer, or may wait no longer: one that sent no
 * request, or half of one, would keep the process alive. The last answers have a second to go out.
 */
export function hangUp(server) {
  setTimeout(() => server.closeAllConnections(), 1_000).unref();
}

/**
 * The body of an answer that says what became of every file: its `state`, and a person's `decision`. Files in flight are being
 * sent by another call, and `unknown` until that is over. A person has to look at those that are `undecided`.
 */
export function bodyOf({ ok, counts, undecided, inFlight, files }) {
  return { ok, counts, undecided, inFlight, files };
}

/** How a person decides about files that are undecided in a journal, or in several where none is named. */
export function decideIn(journal) {
  const check =
    'Somebody has to check the `undecided` files in Addepar, 90 seconds after they were sent or later, and record what they find';
  if (!journal) return `${check} in their journals, which \`addepar-portal journal audit JOURNALS\` names.`;
  const path = `'${journal.replaceAll("'", String.raw`'\''`)}'`; // for a shell
  const list = `\`addepar-portal journal show ${path} --undecided --format csv > todo.csv\``;
  return `${check}: ${list}, fill in its column \`decision\`, then \`addepar-portal journal resolve ${path} --from todo.csv --by NAME\`.`;
}

/**
 * What the caller of a PUT can do about an error; nothing, where its message says it. The message is the library's: it says best what
 * happened, and then what a program can do, with methods and options that a caller of HTTP has not.
 */
function nextOf({ code, reason, journal, undecided, report }, status) {
  if (code === 'ERR_JOURNAL' && reason !== 'undecided') return OF_JOURNALS[reason];
  if (undecided.length > 0) return `${decideIn(journal)} Then repeat this request.`;
  // What becomes of them is not known yet: they may be left over.
  if (report?.inFlight.length > 0) return 'Wait until the call has ended that sends them, then repeat this request.';
  if (code === 'ERR_ALREADY_SENT') {
    return 'Leave out the files of other publications: `files` has what became of each. Put the others under another name.';
  }
  if (code === 'ERR_INPUT') return undefined;
  if (status === 503) return 'Repeat this request later.';
  const again = 'Once the cause is gone, repeat this request: only what is left is sent.';
  return status === 422 ? `${again} Or put the list without the files that are the cause under another name.` : again;
}

const OF_JOURNALS = {
  busy: 'Wait until it is over, then repeat this request.',
  other_run:
    'If anything but the list differs, the service is set up in another way than it was: look at that first. ' +
    'If the list is another one, put it under another name, without the files that are in both.',
  cannot_write:
    'Keep this answer. Once the cause is gone, repeat this request: only what is left is sent, ' +
    'and where the journal lacks what `files` says here, that answer says how it is recorded.',
};

/** The status, headers and body for an error; an error of somebody else's is 500. */
export function answerTo(error) {
  // A signal's own reason: nothing of this call was processed; what calls before it did, the journal says. What else aborts calls in
  // a service, such as a limit of time, stands here.
  if (error === SHUTDOWN) {
    return { status: 503, headers: { 'retry-after': '30' }, body: { message: SHUTDOWN.message } };
  }
  if (error instanceof FolderGone) {
    const message = 'the folder of journals is not there: nothing was sent now, and nothing is known of what was sent before';
    return { status: 503, headers: { 'retry-after': '30' }, body: { message } };
  }
  if (!isPortalError(error)) {
    return { status: 500, headers: {}, body: { error: 'internal error' } };
  }
  if (['ERR_STOPPED', 'ERR_OUTCOME_UNKNOWN'].includes(error.code) && error.report?.settled) {
    // Stopped after the last answer: nothing is left to be sent.
    return { status: 200, headers: {}, body: bodyOf(error.report) };
  }
  const status = statusOf(error);
  if (error.code === 'ERR_CONFIG' && status === 500) {
    // No state of a file: the journal may not have been read, as where the folder goes away at this moment, and an earlier call may
    // have published what this one did not.
    return { status, headers: {}, body: { code: error.code } };
  }
  const { code, reason, outcome, undecided, report, retryAfterMs } = error;
  // These name the journal and quote Addepar. A 500 is about the service's own settings or its disk, and for its log.
  const words = status === 500 ? {} : { message: error.message, next: nextOf(error, status) };
  const headers = status === 503 ? { 'retry-after': String(Math.ceil((retryAfterMs ?? 30_000) / 1000)) } : {};
  return { status, headers, body: { code, reason, outcome, ...words, ...(report && bodyOf(report)), undecided } };
}

function statusOf({ code, reason, outcome, httpStatus, undecided }) {
  // It is over, or a person has to decide about files.
  if (code === 'ERR_ALREADY_SENT' || undecided.length > 0) return 409;
  if (code === 'ERR_INPUT' && outcome === 'not_processed') return 400;
  if (code === 'ERR_JOURNAL' && reason === 'refused') return 422; // it does not take what is said of its files
  // ERR_OUTCOME_UNKNOWN, and a batch that ended part-way.
  if (outcome !== 'not_processed') return 409;
  if (code === 'ERR_JOURNAL') {
    // In use by another call, or of another list; otherwise somebody has to look at the disk.
    return ['busy', 'undecided', 'other_run', 'outdated', 'too_early'].includes(reason) ? 409 : 500;
  }
  switch (code) {
    case 'ERR_CONNECT':
    case 'ERR_RATE_LIMITED':
    case 'ERR_STOPPED':
      return 503;
    case 'ERR_REJECTED':
    case 'ERR_PERMISSION_DENIED':
      // Addepar refused these files, or this firm's key may not publish them: the same request ends the same way. Where it
      // does not know the call, no file is the cause, but the base URL: the service's own setting.
      return [404, 405, 410].includes(httpStatus) ? 500 : 422;
    default:
      // ERR_CONFIG and ERR_AUTHENTICATION: the service's own settings.
      return 500;
  }
}
