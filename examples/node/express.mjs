// An Express service in which each publication has a name of its caller's, and a journal of that name:
//
//   PUT /publications/october-statements {"fileIds": [37, 38]}  →  what became of every file
//
// The same PUT again, after a lost answer or a restart, sends only what is left: nothing goes out twice. Where the caller
// hangs up, the request in flight is awaited and recorded, and nothing else is sent. Settings come from the environment.
//
//   npm install express && node express.mjs JOURNALS [PORT]
//
// JOURNALS is a folder on a disk that outlives the service: `addepar-portal journal init JOURNALS` sets it up once. Without it
// the service does not start, and while it is away, or another folder is in its place, each PUT is answered with 503. A copy of
// JOURNALS in its place, such as a snapshot of yesterday, has the same mark, and is not noticed: never put one there. Files that
// another publication sent are refused.
//
// Ids are numbers, or texts such as "37"; a request has at most 2 MiB, enough for 100,000 ids, and is
// answered with 413 otherwise.

import { join } from 'node:path';

import { PortalClient } from 'addepar-portal';
import express from 'express';

import { answerTo, bodyOf, folderCheck, hangUp, MOST_BYTES, SHUTDOWN } from './answers.mjs';

const [journals = 'journals', port = '0'] = process.argv.slice(2);
/** How long a stopped process may still wait: less than the grace period of whatever stops it (Kubernetes: 30 s). */
const GRACE_MS = Number(process.env.GRACE_MS ?? 20_000);

const checkFolder = await folderCheck(journals);
const client = new PortalClient({ journalDir: journals, logger: { debug() {}, info: console.error, warn: console.error } });
const drop = new AbortController();
/** One for each publication that is under way. */
const calls = new Set();
let stops = false;
const app = express();
app.use((request, response, next) => {
  // A connection that is kept would keep the process alive when it stops.
  if (stops) response.set('connection', 'close');
  next();
});
app.use(express.json({ limit: MOST_BYTES }));

app.put('/publications/:name', async (request, response, next) => {
  try {
    await publish(request, response);
  } catch (error) {
    next(error); // Express 4 does not do it by itself: the process would end
  }
});

async function publish(request, response) {
  const { name } = request.params;
  if (!/^[A-Za-z0-9-]{1,64}$/.test(name)) {
    response.status(400).json({ message: 'a name has letters, digits and hyphens' });
    return;
  }
  const other = Object.keys(request.body ?? {}).find((member) => member !== 'fileIds');
  if (other !== undefined) {
    // Somebody means a mode by it, and it would not be followed.
    response.status(400).json({ message: `a publication has \`fileIds\` and nothing else, not \`${other}\`` });
    return;
  }
  const call = new AbortController();
  calls.add(call);
  response.once('close', () => {
    calls.delete(call);
    call.abort(new Error('the caller hung up'));
    if (stops && calls.size === 0) hangUp(server);
  });
  if (stops) call.abort(SHUTDOWN);
  await checkFolder();
  const report = await client.publishBatch(request.body?.fileIds ?? [], {
    portalPublishing: 'publish',
    contactNotification: 'use_contact_preference',
    journal: join(journals, `${name}.jsonl`),
    maxWaitMs: 10_000, // a caller waits for the answer
    signal: call.signal,
    dropSignal: drop.signal,
  });
  response.json(bodyOf(report));
}

// Express knows it by its four parameters.
app.use((error, request, response, next) => {
  if (response.headersSent) {
    next(error);
    return;
  }
  // Express's own, such as a body that is not JSON. Errors of the library have no `statusCode`.
  if (error.statusCode < 500) {
    response.status(error.statusCode).json({ message: error.message });
    return;
  }
  console.error(error);
  const { status, headers, body } = answerTo(error);
  response.status(status).set(headers).json(body);
});

const server = app.listen(Number(port), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));

// No new connections and no new chunks; requests in flight are awaited and recorded, and dropped when the time is up. A further
// signal changes nothing: without a listener it would end the process at once.
function stop() {
  if (stops) return;
  stops = true;
  for (const call of calls) call.abort(SHUTDOWN);
  const timeIsUp = () => {
    drop.abort(new Error('the service may wait no longer'));
    hangUp(server);
  };
  setTimeout(timeIsUp, GRACE_MS).unref();
  server.close();
  if (calls.size === 0) hangUp(server);
}
process.on('SIGINT', stop).on('SIGTERM', stop);
