// A service that publishes files. A publication takes as long as Addepar does, up to a minute for each request and much longer
// where the rate limit is met, so no HTTP request is held open for it:
//
//   POST /publications {"fileIds": [37, 38]}   →  202, Location: /publications/ID; 400 if the list is wrong, or has a mode beside it
//   GET /publications/ID                       →  its `state`, every file, and what to do `next`
//   POST /publications/ID                      →  202 if it is `stopped`: sends what is left
//
// `waiting` and `running` are followed by one of these:
//
//   done      nothing is left to be sent or to be decided about
//   stopped   by an error, which it shows: a person has to decide about files, or the server refused them, say. It rests until
//             somebody posts to it, or the service starts again
//   refused   the list as a whole, since another publication has sent some of its files, say: nothing of it was sent, and it is
//             never tried again
//
// What was answered with 202 is on disk: the list in JOURNALS/ID.json until it is done, what became of it in the journal
// JOURNALS/ID.jsonl, or in JOURNALS/ID.refused.json. Whenever the service ends, its next start continues with every list that is
// left. Nothing is sent twice: a batch that is called again with its journal sends what is left, and a file that another journal of
// the folder shows as sent is refused. While another folder is in the place of JOURNALS, as where its disk is not mounted any more,
// every request is answered with 503: nothing is accepted, and nothing is said that only the real folder knows.
//
//   node service.mjs JOURNALS [PORT]
//
// JOURNALS is a folder on a disk that outlives the service: `addepar-portal journal init JOURNALS` sets it up once. One
// service at a time works in it.

import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { open, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';

import { InputError, Journal, PortalClient, PublishRequest } from 'addepar-portal';

const [folder = 'journals', port = '0'] = process.argv.slice(2);
/** The mark of a folder that is set up: each has an id of its own. */
const mark = join(folder, 'addepar-portal-journals.json');
if (!existsSync(mark)) {
  // A disk that is not mounted looks like an empty folder.
  throw new Error(`${folder} is not set up for journals: is its disk mounted?`);
}
const itsMark = readFileSync(mark, 'utf8');
const client = new PortalClient({ journalDir: folder }); // the rest from the environment
const modes = { portalPublishing: 'publish', contactNotification: 'use_contact_preference' };
/** What to do about a publication that is over, but not done. */
const NEXT = {
  stopped: 'Files that are undecided need a decision. Then, or once the cause is gone, POST here, or start the service again.',
  refused: 'Nothing of this list was sent. Post those of its files anew that are `not_processed`, if they are still to be sent.',
};
/** Of a publication that is stopped, and whose list is not in the folder any more. */
const NO_LIST = 'The list is gone. Decide about files that are undecided, then resume the journal with `addepar-portal resume`.';
const stop = new AbortController();
const signals = { signal: stop.signal, stopTimeoutMs: 20_000 }; // less than Kubernetes' grace period of 30 s

/** The publications that are not over; of all others the folder has what became of them. */
const publications = new Map();
let last = Promise.resolve(); // one after the other: the firm's rate limit is shared

const listOf = (id) => join(folder, `${id}.json`);
const journalOf = (id) => join(folder, `${id}.jsonl`);
const refusedOf = (id) => join(folder, `${id}.refused.json`);

/** The folder that was there at the start is not there now: its disk, say, is not mounted any more. */
class FolderGone extends Error {}

/** Throws where the folder is not the one that was there at the start. */
async function checkFolder() {
  const found = await readFile(mark, 'utf8').catch((error) => error);
  if (found !== itsMark) throw new FolderGone(`${folder} is not the folder that it was: is its disk mounted?`, { cause: found });
}

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
    const report = await client.publishBatch(fileIds, { ...modes, ...signals, journal: journalOf(id), onProgress });
    return { id, state: report.settled ? 'done' : 'stopped', report };
  } catch (error) {
    console.error(error);
    const { code, message, report } = error;
    if (error instanceof InputError && !existsSync(journalOf(id))) return { id, state: 'refused', code, message, report };
    return { id, state: report?.settled ? 'done' : 'stopped', code, message, report };
  }
}

async function run(id, fileIds) {
  if (stop.signal.aborted) return; // the next start continues
  const publication = await publish(id, fileIds);
  publications.set(id, publication);
  if (publication.state === 'stopped') return;
  if (publication.state === 'refused') await keep(refusedOf(id), publication);
  await rm(listOf(id));
  publications.delete(id);
}

function begin(id, fileIds) {
  publications.set(id, { id, state: 'waiting' });
  // Where the folder cannot be written, the list is left behind. Then it sends nothing: the journal has it all.
  last = last.then(() => run(id, fileIds)).catch(console.error);
}

/** What the folder has of a publication that is over. */
async function over(id) {
  if (!existsSync(journalOf(id))) return await read(refusedOf(id));
  const { report } = new Journal(journalOf(id));
  return { id, state: report.settled ? 'done' : 'stopped', report };
}

/** What to do about a publication, as far as it can be done. */
function nextOf({ id, state }) {
  return state === 'stopped' && !existsSync(listOf(id)) ? NO_LIST : NEXT[state];
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
  // A connection that is kept would keep the process alive after SIGTERM.
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
    const publication = publications.get(id) ?? (await over(id));
    if (!publication) reply(response, 404, { error: 'there is no such publication' });
    else reply(response, continues ? 202 : 200, { ...publication, next: nextOf(publication) });
  }
}

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    const isTheirs = error instanceof InputError || error instanceof SyntaxError;
    if (!isTheirs) console.error(error);
    if (error instanceof FolderGone) reply(response, 503, { error: 'the folder of journals is not there' }, { 'retry-after': '30' });
    else reply(response, isTheirs ? 400 : 500, { error: isTheirs ? error.message : 'internal error' });
  });
});

// What an earlier process accepted and did not end.
for (const name of await readdir(folder)) {
  const id = /^([0-9a-f-]{36})\.json$/.exec(name)?.[1];
  const fileIds = id && (await read(listOf(id)));
  if (fileIds) begin(id, fileIds);
}

// The request in flight is awaited and recorded; what was not sent yet waits for the next start.
process.once('SIGTERM', () => {
  stop.abort(new Error('the service stops'));
  server.close();
});
server.listen(Number(port), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
