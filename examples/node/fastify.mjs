// A Fastify service in which each publication has a name of its caller's, and a journal of that name:
//
//   PUT /publications/october-statements {"fileIds": [37, 38]}  →  what became of every file
//
// The same PUT again, after a lost answer or a restart, sends only what is left: nothing goes out twice. Where the caller
// hangs up, the request in flight is awaited and recorded, and nothing else is sent. Settings come from the environment.
//
//   npm install fastify && node fastify.mjs JOURNALS [PORT]
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
import Fastify from 'fastify';

import { answerTo, bodyOf, folderCheck, hangUp, MOST_BYTES, SHUTDOWN } from './answers.mjs';

const [journals = 'journals', port = '0'] = process.argv.slice(2);
/** How long a stopped process may still wait: less than the grace period of whatever stops it (Kubernetes: 30 s). */
const GRACE_MS = Number(process.env.GRACE_MS ?? 20_000);

const checkFolder = await folderCheck(journals);

// A number in the place of the list is a mistake, and not a list of one. A member that the schema does not have is refused: Fastify
// would take a caller's "contactNotification": "do_not_notify" away, and clients would be e-mailed.
const ajv = { customOptions: { coerceTypes: false, removeAdditional: false } };
const app = Fastify({ ajv, bodyLimit: MOST_BYTES, logger: { stream: process.stderr } });
// pino wants the fields before the text.
const toPino = (level) => [level, (message, fields) => app.log[level](fields, message)];
const client = new PortalClient({ journalDir: journals, logger: Object.fromEntries(['debug', 'info', 'warn'].map(toPino)) });
const drop = new AbortController();
/** One for each publication that is under way. */
const calls = new Set();
let stops = false;

const schema = {
  params: { type: 'object', properties: { name: { type: 'string', pattern: '^[A-Za-z0-9-]{1,64}$' } } },
  body: {
    type: 'object',
    required: ['fileIds'],
    properties: { fileIds: { type: 'array' } }, // the library says which ids it takes
    additionalProperties: false,
  },
};

app.put('/publications/:name', { schema }, async (request, reply) => {
  const call = new AbortController();
  calls.add(call);
  reply.raw.once('close', () => {
    calls.delete(call);
    call.abort(new Error('the caller hung up'));
    if (stops && calls.size === 0) hangUp(app.server);
  });
  if (stops) call.abort(SHUTDOWN);
  await checkFolder();
  const report = await client.publishBatch(request.body.fileIds, {
    portalPublishing: 'publish',
    contactNotification: 'use_contact_preference',
    journal: join(journals, `${request.params.name}.jsonl`),
    maxWaitMs: 10_000, // a caller waits for the answer
    signal: call.signal,
    dropSignal: drop.signal,
  });
  return bodyOf(report);
});

// A connection that is kept would keep the process alive when it stops.
app.addHook('onSend', async (request, reply) => {
  if (stops) reply.header('connection', 'close');
});

app.setErrorHandler((error, request, reply) => {
  // Fastify's own, such as a body that is not JSON. Errors of the library have no `statusCode`.
  if (error.statusCode < 500) {
    return reply.code(error.statusCode).send({ message: error.message });
  }
  request.log.error(error);
  const { status, headers, body } = answerTo(error);
  return reply.code(status).headers(headers).send(body);
});

// No new connections and no new chunks; requests in flight are awaited and recorded, and dropped when the time is up. A further
// signal changes nothing: without a listener it would end the process at once.
function stop() {
  if (stops) return;
  stops = true;
  for (const call of calls) call.abort(SHUTDOWN);
  const timeIsUp = () => {
    drop.abort(new Error('the service may wait no longer'));
    hangUp(app.server);
  };
  setTimeout(timeIsUp, GRACE_MS).unref();
  void app.close();
  if (calls.size === 0) hangUp(app.server);
}
process.on('SIGINT', stop).on('SIGTERM', stop);

console.log(await app.listen({ port: Number(port), host: '127.0.0.1' }));
