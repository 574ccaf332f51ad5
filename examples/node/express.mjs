// An Express service in which each publication has a name of its caller's, and a journal of that name:
//
//   PUT /publications/october-statements {"fileIds": [37, 38]}  →  what became of every file
//
// The same PUT again, after a lost answer or a restart, sends only what is left: nothing goes out twice. Where the caller
// hangs up, the request in flight is awaited and recorded, and nothing else is sent. Settings come from the environment.
//
//   npm install express && node express.mjs JOURNALS [PORT]
//
// It needs Node 20.3 or newer, for `AbortSignal.any`.
//
// JOURNALS is a folder on a disk that outlives the service: `addepar-portal journal init JOURNALS` sets it up once. A folder
// that is not set up is refused, since a disk that is not there looks like an empty folder. Files that another publication
// sent are refused too.

import { join } from 'node:path';

import { PortalClient } from 'addepar-portal';
import express from 'express';

import { answerTo, bodyOf, SHUTDOWN } from './answers.mjs';

const [journals = 'journals', port = '0'] = process.argv.slice(2);
/** How long a stopped process may still wait: less than the grace period of whatever stops it (Kubernetes: 30 s). */
const GRACE_MS = Number(process.env.GRACE_MS ?? 20_000);

const client = new PortalClient({ journalDir: journals, logger: { debug() {}, info: console.error, warn: console.error } });
const [stop, drop] = [new AbortController(), new AbortController()];
const app = express();
app.use((request, response, next) => {
  // A connection that is kept would keep the process alive after SIGTERM.
  if (stop.signal.aborted) response.set('connection', 'close');
  next();
});
app.use(express.json());

app.put('/publications/:name', async (request, response) => {
  const { name } = request.params;
  if (!/^[A-Za-z0-9-]{1,64}$/.test(name)) {
    response.status(400).json({ message: 'a name has letters, digits and hyphens' });
    return;
  }
  const hungUp = new AbortController();
  response.once('close', () => hungUp.abort(new Error('the caller hung up')));
  const report = await client.publishBatch(request.body?.fileIds ?? [], {
    portalPublishing: 'publish',
    contactNotification: 'use_contact_preference',
    journal: join(journals, `${name}.jsonl`),
    maxWaitMs: 10_000, // a caller waits for the answer
    signal: AbortSignal.any([hungUp.signal, stop.signal]),
    dropSignal: drop.signal,
  });
  response.json(bodyOf(report));
});

// Express knows it by its four parameters.
app.use((error, request, response, next) => {
  if (response.headersSent) {
    next(error);
    return;
  }
  console.error(error);
  const { status, headers, body } = error.type === 'entity.parse.failed' ? { status: 400 } : answerTo(error);
  response.status(status).set(headers ?? {}).json(body ?? { message: 'the body must be JSON' });
});

const server = app.listen(Number(port), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));

// No new connections and no new chunks; requests in flight are awaited and recorded, and dropped when the time is up.
process.once('SIGTERM', () => {
  stop.abort(SHUTDOWN);
  setTimeout(() => drop.abort(new Error('the service may wait no longer')), GRACE_MS).unref();
  server.close();
});
