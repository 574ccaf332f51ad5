// A service that publishes files. A publication takes as long as Addepar does, up to a minute for each request and much longer
// where the rate limit is met, so no HTTP request is held open for it:
//
//   POST /publications {"fileIds": [37, 38]}   →  202, Location: /publications/ID; 400 if the list is wrong, or has a mode beside it
//   GET /publications/ID                       →  its `state`, what is known of every file, and what to do `next`
//   POST /publications/ID                      →  202 if it is `stopped`: sends what is left
//
// `waiting` and `running` are followed by one of these:
//
//   done      nothing is left to be sent or to be decided about
//   stopped   by an error: a person has to decide about files, or the server refused them, say. About those in `undecided` a person
//             decides in the journal that `journal` names. The error, and what it knew of every file, is shown until that journal
//             or its own shows other states: from then on its files are as its own shows them. It rests until somebody posts to
//             it, or the service starts again
//   refused   the list as a whole, since another publication has sent some of its files: nothing of it was sent, and it is never
//             tried again. Its files are as they were then
//   overtaken likewise, but it had begun: while it was stopped, another publication has sent some of the files that were left of it
//
// What was answered with 202 is on disk: the list in JOURNALS/ID.json until it is over, what became of it in the journal
// JOURNALS/ID.jsonl, and in JOURNALS/ID.refused.json why it is never tried again. Whenever the service ends, its next start
// continues with every list that is left. Nothing is sent twice: a batch that is called again with its journal sends what is left,
// and a file that another journal of the folder shows as sent is refused. While another folder (not a copy) is in the place of JOURNALS, as where
// its disk is not mounted any more, every request is answered with 503: nothing is accepted or sent, and nothing is said that only
// the real folder knows.
//
//   node service.mjs JOURNALS [PORT]
//
// JOURNALS is a folder on a disk that outlives the service: `addepar-portal journal init JOURNALS` sets it up once. One
// service at a time works in it.

import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';

import { ConfigError, InputError, Journal, JournalError, PortalClient, PublishRequest } from 'addepar-portal';

import { answerTo, bodyOf, decideIn, FolderGone, folderCheck, hangUp } from './answers.mjs';

const [folder = 'journals', port = '0'] = process.argv.slice(2);
const checkFolder = await folderCheck(folder);
const client = new PortalClient({ journalDir: folder }); // the rest from the environment
const modes = { portalPublishing: 'publish', contactNotification: 'use_contact_preference' };
/** What to do about a publication that is over, but not done. */
const NEXT = {
  stopped: 'Once the cause is gone, POST here, or start the service again: only what is left is sent.',
  refused: 'Post those of its files anew that are `not_processed`, if they are still to be sent.',
  awaited: 'Another call is sending some of its files. Wait until that call has ended, then POST here.',
  overtaken: 'Post those of its files anew that are `not_processed`, or found to be `not_published`, if they are still to be sent.',
};
/** Of a publication that is stopped, and whose list is not in the folder any more. */
const NO_LIST = 'The list is gone. Decide about files that are undecided, then resume the journal with `addepar-portal resume`.';
const stop = new AbortController();
/** How long a stopped process may still wait: less than the grace period of whatever stops it (Kubernetes: 30 s). */
const GRACE_MS = 20_000;
const signals = { signal: stop.signal, stopTimeoutMs: GRACE_MS };

/** The publications that are not over; of all others the folder has what became of them. */
const publications = new Map();
/** Of one that an error ended: what the journals showed then. */
const shownThen = new WeakMap();
let last = Promise.resolve(); // one after the other: the firm's rate limit is shared

const listOf = (id) => join(folder, `${id}.json`);
const journalOf = (id) => join(folder, `${id}.jsonl`);
const refusedOf = (id) => join(folder, `${id}.refused.json`);

/** Writes something down, so that it outlives a loss of power. */
async function keep(path, value) {
  await checkFolder();
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(JSON.stringify(value));
    await file.sync();
  } finally {
    await file.close();
  }
  if (process.platform !== 'win32') { // there folders cannot be synced
    const parent = await open(folder);
    try {
      await parent.sync(); // the file's name
    } finally {
      await parent.close();
    }
  }
  await checkFolder(); // otherwise it may be in another one
}

/** What was written down; nothing if it is not there, or was cut short: then nobody was answered with 202. */
async function read(path) {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError || error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Sends what is left of a list; what is known of it then. */
async function publish(id, fileIds) {
  const onProgress = (progress) => Object.assign(publications.get(id), { state: 'running', progress });
  try {
    await checkFolder();
    const report = await client.publishBatch(fileIds, { ...modes, ...signals, journal: journalOf(id), onProgress });
    return { id, state: report.settled ? 'done' : 'stopped', report: bodyOf(report) };
  } catch (error) {
    console.error(error);
    const { code, message } = error;
    // Where settings are wrong, as where the folder goes away, the journal may not have been read: nothing is known of the files.
    const report = error instanceof ConfigError ? undefined : error.report;
    // About files that another publication has sent a person decides in its journal.
    const { journal, undecided } = code === 'ERR_ALREADY_SENT' ? error : look(journalOf(id));
    let state = code === 'ERR_STOPPED' && report?.settled ? 'done' : 'stopped';
    // Another publication has sent files that were to be sent. It is over once nothing is to be decided about or awaited.
    const isOpen = report?.undecided.length > 0 || report?.inFlight.length > 0;
    const isAwaited = report?.inFlight.length > 0;
    if (error instanceof InputError && !existsSync(journalOf(id))) state = isAwaited ? 'stopped' : 'refused';
    else if (error instanceof InputError && !isOpen) state = 'overtaken';
    const publication = { id, state, code, message, journal, undecided, report: report && bodyOf(report) };
    shownThen.set(publication, statesIn(journalOf(id), journal));
    return publication;
  }
}

async function run(id, fileIds) {
  if (stop.signal.aborted) return; // the next start continues
  const publication = await publish(id, fileIds);
  publications.set(id, publication);
  if (publication.state === 'stopped') return;
  if (publication.state !== 'done') await keep(refusedOf(id), publication);
  await rm(listOf(id));
  publications.delete(id);
}

function begin(id, fileIds) {
  publications.set(id, { id, state: 'waiting' });
  // Where the folder cannot be written, the list is left behind. Then it sends nothing: the journal has it all.
  last = last.then(() => run(id, fileIds)).catch(console.error);
}

/** What a journal shows: a report, or the error where it cannot be read. */
function look(path) {
  try {
    return new Journal(path).report;
  } catch (error) {
    if (error instanceof JournalError) return { error };
    throw error;
  }
}

/** What changes in the journal of a publication, and in the one that its error names, once somebody decides or sends. */
function statesIn(own, another) {
  const states = [own, another ?? own].map((path) => {
    const { inFlight, files } = look(path);
    return [inFlight, files?.map(({ state, decision }) => [state, decision])];
  });
  return JSON.stringify(states);
}

/** How a publication stands. Unless it is under way the folder says it: a person may have decided about files. */
async function find(id) {
  const known = publications.get(id) ?? (await read(refusedOf(id)));
  if (['waiting', 'running'].includes(known?.state) || !existsSync(journalOf(id))) return known;
  const report = look(journalOf(id));
  if (report.settled) return { id, state: 'done', report: bodyOf(report) };
  if (known?.state === 'overtaken') return known;
  // The error is shown until something changes, with what it knows: an outcome that could not be written, no journal has.
  const isAsItWas = shownThen.get(known) === statesIn(journalOf(id), known?.journal);
  if (isAsItWas && (known.report || report.error)) return known;
  // Somebody has to look at the disk: nothing is known of the files.
  if (report.error) return { id, state: 'stopped', code: report.error.code, message: report.error.message };
  const { journal, undecided } = report;
  return { ...(isAsItWas && known), id, state: 'stopped', journal, undecided, report: bodyOf(report) };
}

/** What to do about a publication, as far as it can be done. */
function nextOf({ id, state, journal, undecided, report }) {
  if (state !== 'stopped') return NEXT[state];
  if (report?.inFlight.length > 0) return NEXT.awaited;
  if (!existsSync(listOf(id))) return NO_LIST;
  return undecided?.length > 0 ? `${decideIn(journal)} Then POST here, or start the service again.` : NEXT.stopped;
}

/** A list as a whole, before it is answered with 202: a request has at most 500 files, and two must not share one. */
function check(fileIds) {
  if (!Array.isArray(fileIds)) throw new SyntaxError('`fileIds` must be a list.');
  const checked = [];
  do {
    const next = fileIds.slice(checked.length, checked.length + 500);
    checked.push(...new PublishRequest(next, modes).fileIds);
  } while (checked.length < fileIds.length);
  if (new Set(checked).size < checked.length) throw new SyntaxError('`fileIds` must name each file once.');
  return checked;
}

function reply(response, status, body, headers = {}) {
  // A connection that is kept would keep the process alive when it stops.
  const connection = stop.signal.aborted ? { connection: 'close' } : {};
  response.writeHead(status, { 'content-type': 'application/json', ...connection, ...headers }).end(JSON.stringify(body));
}

async function answer(request, response) {
  await checkFolder();
  const [, collection, id] = (request.url ?? '').split('/');
  if (collection !== 'publications' || (id !== undefined && !/^[0-9a-f-]{36}$/.test(id))) {
    reply(response, 404, { error: 'there is no such publication' });
  } else if (request.method === 'POST' && stop.signal.aborted) {
    reply(response, 503, { error: 'the service stops' }, { 'retry-after': '30' });
  } else if (request.method === 'POST' && id === undefined) {
    const { fileIds, ...others } = Object(await json(request));
    const [other] = Object.keys(others);
    // Somebody means a mode by it, and it would not be followed.
    if (other !== undefined) throw new SyntaxError(`A publication has \`fileIds\` and nothing else, not \`${other}\`.`);
    const checked = check(fileIds);
    const made = randomUUID();
    await keep(listOf(made), checked);
    begin(made, checked);
    reply(response, 202, { id: made }, { location: `/publications/${made}` });
  } else {
    const fileIds = request.method === 'POST' ? await read(listOf(id)) : undefined;
    const continues = fileIds !== undefined && publications.get(id)?.state === 'stopped';
    if (continues) begin(id, fileIds);
    const publication = await find(id);
    if (!publication) reply(response, 404, { error: 'there is no such publication' });
    else reply(response, continues ? 202 : 200, { ...publication, next: nextOf(publication) });
  }
}

/** What is being answered. */
const answering = new Set();

const server = createServer((request, response) => {
  answering.add(response);
  response.once('close', () => {
    answering.delete(response);
    if (stop.signal.aborted && answering.size === 0) hangUp(server);
  });
  answer(request, response).catch((error) => {
    const isTheirs = error instanceof InputError || error instanceof SyntaxError;
    if (!isTheirs) console.error(error);
    if (error instanceof FolderGone) {
      const { status, headers, body } = answerTo(error);
      reply(response, status, { error: body.message }, headers);
    } else {
      reply(response, isTheirs ? 400 : 500, { error: isTheirs ? error.message : 'internal error' });
    }
  });
});

// What an earlier process accepted and did not end.
for (const name of await readdir(folder)) {
  const id = /^([0-9a-f-]{36})\.json$/.exec(name)?.[1];
  const fileIds = id && (await read(listOf(id)));
  if (fileIds) begin(id, fileIds);
}

// The request in flight is awaited and recorded, or dropped when the time is up; what was not sent yet waits for the next start. A
// further signal changes nothing: without a listener it would end the process at once.
function stopService() {
  stop.abort(new Error('the service stops'));
  server.close();
  if (answering.size === 0) hangUp(server);
  setTimeout(() => hangUp(server), GRACE_MS).unref();
}
process.on('SIGINT', stopService).on('SIGTERM', stopService);
server.listen(Number(port), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
