// A service that publishes files. A publication takes as long as Addepar does, up to a minute for each request and much longer
// where the rate limit is met, so no HTTP request is held open for it:
//
//   POST /publications {"fileIds": [37, 38]}   →  202, Location: /publications/ID
//   GET /publications/ID                       →  its state, and every file
//   POST /publications/ID                      →  202: what is left of one that stopped, once a person has decided
//
// What was answered with 202 is on disk: the list in JOURNALS/ID.json until it is settled, what became of it in the journal
// JOURNALS/ID.jsonl. Whenever the service ends, its next start continues with every list that is not settled. Nothing is sent
// twice: a batch that is called again with its journal sends what is left, and a file that another journal of the folder shows
// as sent is refused.
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

import { InputError, Journal, PortalClient, PublishRequest } from 'addepar-portal';

const [folder = 'journals', port = '0'] = process.argv.slice(2);
if (!existsSync(join(folder, 'addepar-portal-journals.json'))) {
  // A disk that is not mounted looks like an empty folder.
  throw new Error(`${folder} is not set up for journals: is its disk mounted?`);
}
const client = new PortalClient({ journalDir: folder }); // the rest from the environment
const modes = { portalPublishing: 'publish', contactNotification: 'use_contact_preference' };
const stop = new AbortController();
const signals = { signal: stop.signal, stopTimeoutMs: 20_000 }; // less than Kubernetes' grace period of 30 s

/** What is known of publications that this process has taken up; of all others the journal knows it. */
const publications = new Map();
let last = Promise.resolve(); // one after the other: the firm's rate limit is shared

const listOf = (id) => join(folder, `${id}.json`);
const journalOf = (id) => join(folder, `${id}.jsonl`);

/** Writes a list down, so that it outlives a loss of power. */
async function keep(id, fileIds) {
  const file = await open(listOf(id), 'wx', 0o600);
  try {
    await file.writeFile(JSON.stringify(fileIds));
    await file.sync();
  } finally {
    await file.close();
  }
  if (process.platform === 'win32') return; // there folders cannot be synced
  const parent = await open(folder);
  try {
    await parent.sync(); // the file's name
  } finally {
    await parent.close();
  }
}

async function run(publication, fileIds) {
  if (stop.signal.aborted) return; // the next start continues
  const { id } = publication;
  publication.state = 'running';
  const onProgress = (progress) => Object.assign(publication, { progress });
  try {
    const report = await client.publishBatch(fileIds, { ...modes, ...signals, journal: journalOf(id), onProgress });
    Object.assign(publication, { state: report.settled ? 'done' : 'stopped', report });
  } catch (error) {
    console.error(error);
    const { code, message, report } = error;
    Object.assign(publication, { state: report?.settled ? 'done' : 'stopped', code, message, report });
  }
  if (publication.state === 'done' && existsSync(journalOf(id))) {
    await rm(listOf(id)).catch(console.error); // left behind, it would send nothing: the journal has it all
  }
}

function begin(id, fileIds) {
  const publication = { id, state: 'waiting' };
  publications.set(id, publication);
  last = last.then(() => run(publication, fileIds));
}

/** The list of a publication; nothing if it was settled, never was, or was cut short before it was answered with 202. */
async function read(id) {
  try {
    return JSON.parse(await readFile(listOf(id), 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError || error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** What the journal shows of a publication that this process has not taken up. */
function shown(id) {
  if (!existsSync(journalOf(id))) return undefined;
  const { report } = new Journal(journalOf(id));
  return { id, state: report.settled ? 'done' : 'stopped', report };
}

/** A list as a whole: 500 files are one request, and a file that two requests have would go out twice. */
function check(fileIds) {
  const ids = Array.isArray(fileIds) ? fileIds : new PublishRequest(fileIds, modes).fileIds;
  const checked = [];
  for (let first = 0; first < Math.max(ids.length, 1); first += 500) {
    checked.push(...new PublishRequest(ids.slice(first, first + 500), modes).fileIds);
  }
  if (new Set(checked).size < checked.length) {
    throw new SyntaxError('`fileIds` must name each file once.');
  }
  return checked;
}

function reply(response, status, body, headers = {}) {
  // A connection that is kept would keep the process alive after SIGTERM.
  const connection = stop.signal.aborted ? { connection: 'close' } : {};
  response.writeHead(status, { 'content-type': 'application/json', ...connection, ...headers }).end(JSON.stringify(body));
}

async function answer(request, response) {
  const [, collection, id] = (request.url ?? '').split('/');
  if (collection !== 'publications' || (id !== undefined && !/^[0-9a-f-]{36}$/.test(id))) {
    reply(response, 404, { error: 'there is no such publication' });
  } else if (request.method === 'POST' && stop.signal.aborted) {
    reply(response, 503, { error: 'the service stops' }, { 'retry-after': '30' });
  } else if (request.method === 'POST' && id === undefined) {
    const { fileIds } = Object(await json(request));
    const checked = check(fileIds);
    const made = randomUUID();
    await keep(made, checked);
    begin(made, checked);
    reply(response, 202, { id: made }, { location: `/publications/${made}` });
  } else if (request.method === 'POST') {
    const fileIds = await read(id);
    if (fileIds && publications.get(id)?.state === 'stopped') begin(id, fileIds);
    reply(response, fileIds ? 202 : 404, { id }, { location: `/publications/${id}` });
  } else {
    const publication = publications.get(id) ?? shown(id);
    reply(response, publication ? 200 : 404, publication ?? { error: 'there is no such publication' });
  }
}

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    const isTheirs = error instanceof InputError || error instanceof SyntaxError;
    if (!isTheirs) console.error(error);
    reply(response, isTheirs ? 400 : 500, { error: isTheirs ? error.message : 'internal error' });
  });
});

// What an earlier process accepted and did not settle.
for (const name of await readdir(folder)) {
  const id = /^([0-9a-f-]{36})\.json$/.exec(name)?.[1];
  const fileIds = id && (await read(id));
  if (fileIds) begin(id, fileIds);
}

// The request in flight is awaited and recorded; what was not sent yet waits for the next start.
process.once('SIGTERM', () => {
  stop.abort(new Error('the service stops'));
  server.close();
});
server.listen(Number(port), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
