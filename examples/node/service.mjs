// A service that publishes files. A publication takes as long as Addepar does, up to a minute for each
// request and much longer where the rate limit is met, so no HTTP request is held open for it:
//
//   POST /publications {"fileIds": [37, 38]}   →  202, Location: /publications/ID
//   GET /publications/ID                       →  its state, how far it is, and in the end every file
//
// Each publication has a journal. One that was cut short by a restart is never sent again by itself: its
// journal says which files are done, which are not, and about which a person has to decide.
//
//   node service.mjs JOURNALS [PORT]

import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';

import { InputError, PortalClient, PublishRequest } from 'addepar-portal';

const [folder = 'journals', port = '0'] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const client = new PortalClient(); // from the environment
const modes = { portalPublishing: 'publish', contactNotification: 'use_contact_preference' };
const publications = new Map();
const shutdown = new AbortController();
let last = Promise.resolve(); // one after the other: the firm's rate limit is shared

async function run(publication, fileIds, journal) {
  publication.state = 'running';
  const onProgress = (progress) => Object.assign(publication, { progress });
  try {
    const signals = { signal: shutdown.signal, stopTimeoutMs: 20_000 }; // less than Kubernetes' grace period of 30 s
    publication.report = await client.publishBatch(fileIds, { ...modes, ...signals, journal, onProgress });
    publication.state = 'done';
  } catch (error) {
    Object.assign(publication, { state: 'stopped', code: error.code, message: error.message, report: error.report });
  }
}

function begin(fileIds) {
  const id = randomUUID();
  const publication = { id, state: 'waiting' };
  publications.set(id, publication);
  last = last.then(() => run(publication, fileIds, join(folder, `${id}.jsonl`)));
  return publication;
}

function reply(response, status, body, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

const server = createServer(async (request, response) => {
  try {
    if (request.method === 'POST' && request.url === '/publications') {
      const { fileIds } = await json(request);
      const first = Array.isArray(fileIds) ? fileIds.slice(0, 500) : fileIds;
      void new PublishRequest(first, modes); // what is wrong with the list is said at once
      const { id } = begin(fileIds);
      reply(response, 202, { id }, { location: `/publications/${id}` });
    } else {
      const publication = publications.get(request.url?.split('/')[2]);
      reply(response, publication ? 200 : 404, publication ?? { error: 'there is no such publication' });
    }
  } catch (error) {
    const isTheirs = error instanceof InputError || error instanceof SyntaxError;
    reply(response, isTheirs ? 400 : 500, { error: isTheirs ? error.message : 'internal error' });
  }
});

// The request in flight is awaited and recorded; what was not sent yet waits in its journal.
process.once('SIGTERM', () => {
  shutdown.abort();
  server.close();
});
server.listen(Number(port), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
