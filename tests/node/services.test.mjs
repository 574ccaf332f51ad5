// The examples for services and for tests of a caller's own, executed.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import * as addepar from 'addepar-portal';
import { ConfigError, initJournalDir, Journal, JournalError, PublishReport, PublishRequest } from 'addepar-portal';
import { SimulatedPortal } from 'addepar-portal/testing';

import { answerTo, SHUTDOWN } from '../../examples/node/answers.mjs';
import { FRAMEWORKS, link, skip } from './frameworks.mjs';
import { posted, until } from './script.mjs';

const EXAMPLES = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'examples', 'node');
const ids = (count) => Array.from({ length: count }, (_, index) => index + 1);

/** A copy of the example for Express, with Express 4. */
function express4() {
  const folder = mkdtempSync(join(EXAMPLES, '..', 'express4-'));
  for (const name of ['express.mjs', 'answers.mjs']) cpSync(join(EXAMPLES, name), join(folder, name));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(join(FRAMEWORKS, 'express4'), join(folder, 'node_modules', 'express'), 'junction');
  return folder;
}

/** Connects to a service and sends it a text. */
async function callAndSay(url, text_) {
  const { hostname, port } = new URL(url);
  const caller = connect(Number(port), hostname).on('error', () => {});
  await once(caller, 'connect');
  caller.write(text_);
}

/** Runs a test against a service that is an example, and a portal of its own. */
function withService(example, name, body, environment = {}, folder = () => EXAMPLES) {
  test(name, { skip }, async () => {
    link();
    const portal = await SimulatedPortal.start();
    const journals = mkdtempSync(join(tmpdir(), 'addepar-portal-'));
    initJournalDir(journals);
    const service = spawn(process.execPath, [join(folder(), example), journals], {
      env: { ...process.env, ...portal.environ(), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 120_000,
      killSignal: 'SIGKILL',
    });
    const log = text(service.stderr);
    const ended = once(service, 'exit');
    try {
      const url = (await once(service.stdout, 'data')).toString().trim();
      const put = async (publication, body_, signal) => {
        const request = { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body_), signal };
        const answer = await fetch(`${url}/publications/${publication}`, request);
        return { status: answer.status, retryAfter: answer.headers.get('retry-after'), ...(await answer.json()) };
      };
      await body({ portal, url, put, service, ended, log, journals, journal: (publication) => join(journals, `${publication}.jsonl`) });
    } finally {
      service.kill('SIGKILL');
      await ended;
      await portal.close();
    }
  });
}

for (const example of ['fastify.mjs', 'express.mjs']) {
  describe(`the example ${example}`, () => {
    withService(example, 'answers what became of every file, and sends nothing twice', async ({ portal, put, log, service }) => {
      portal.failPublish(38, [1]);
      for (let time = 1; time <= 2; time += 1) {
        const { status, ok, counts, files } = await put('october', { fileIds: [37, 38] });
        assert.deepEqual([status, ok, counts.ok, counts.failed], [200, false, 1, 1]);
        assert.deepEqual(files.map(({ state }) => state), ['ok', 'failed']);
      }
      assert.equal(portal.control('posts'), 1);
      service.kill('SIGTERM');
      assert.match(await log, /callId/);
    });

    withService(example, 'answers 400 to what cannot be sent', async ({ portal, put }) => {
      const unknown = [{ fileIds: [37], contactNotification: 'do_not_notify' }, { fileIds: [37], portal_publishing: 'do_not_publish' }];
      for (const body of [{}, { fileIds: 37 }, { fileIds: [] }, { fileIds: [37, 37] }, { fileIds: [-1] }, [37], ...unknown]) {
        assert.equal((await put('october', body)).status, 400, JSON.stringify(body));
      }
      assert.equal((await put('..%2foctober', { fileIds: [37] })).status, 400);
      assert.equal((await put('october', { fileIds: ids(400_000) })).status, 413);
      assert.equal(portal.control('posts'), 0);
    });

    withService(example, 'takes ids as numbers and as texts, and as many as fit into a request of 2 MiB', async ({ portal, put }) => {
      const { status, files } = await put('october', { fileIds: ['37', 38, '0039'] });
      assert.deepEqual([status, files.map(({ fileId }) => fileId)], [200, [37, 38, 39]]);
      // The longest ids, refused for another reason than their length.
      const longest = ids(100_000).map((id) => `${Number.MAX_SAFE_INTEGER - id}`);
      const long = await put('november', { fileIds: [...longest, longest[0]] });
      assert.deepEqual([long.status, long.code], [400, 'ERR_INPUT']);
      assert.equal(portal.control('posts'), 1);
    });

    withService(example, 'answers what happened, and what a caller of HTTP can do', async ({ portal, put }) => {
      const answers = [];
      const asked = async (name, fileIds, expected) => {
        const answer = await put(name, { fileIds });
        assert.deepEqual([answer.status, answer.code], expected);
        answers.push(answer);
        return answer;
      };
      assert.equal((await put('october', { fileIds: [37] })).status, 200);
      const sent = await asked('november', [37, 38], [409, 'ERR_ALREADY_SENT']);
      assert.match(`${sent.message} ${sent.next}`, /^File 37 was sent before .* Nothing was sent now\. Leave out .* Put the others under another name/);
      const other = await asked('october', [37, 38], [409, 'ERR_JOURNAL']);
      assert.match(other.message, /is of another run: this call names 1 file \(38\) that the journal does not have; .* Nothing was sent now\./);
      assert.match(other.next, /If the list is another one, put it under another name, without the files that are in both/);
      portal.nextFault('status:403');
      const refused = await asked('december', [39], [422, 'ERR_PERMISSION_DENIED']);
      assert.match(`${refused.message} ${refused.next}`, /^The server refused the request with 403: Simulated 403\. .* repeat this request/);
      portal.nextFault('rate_limited', { retryAfter: 600 });
      await asked('december', [39], [503, 'ERR_RATE_LIMITED']);
      portal.nextFault('close_before_answer');
      await asked('december', [39], [409, 'ERR_OUTCOME_UNKNOWN']);
      await asked('december', [39], [409, 'ERR_JOURNAL']);
      const undecided = await asked('january', [39, 40], [409, 'ERR_ALREADY_SENT']);
      assert.match(undecided.message, /^File 39 was sent before, and nobody knows what became of it .* Nothing was sent now\./);
      assert.match(undecided.next, /^Somebody has to check .* 90 seconds after .* journal resolve '.*december\.jsonl' /);
      for (const { message, next } of answers) {
        assert.ok(message);
        assert.match(next, /./);
        assert.doesNotMatch(next, /repeat:|client\.|new Journal|publishFiles|publishBatch/);
      }
    });

    withService(example, 'answers so that nobody repeats what may have been published', async ({ portal, put, journal }) => {
      portal.nextFault('status:503');
      const unknown = await put('october', { fileIds: [37] });
      assert.deepEqual([unknown.status, unknown.code, unknown.outcome], [409, 'ERR_OUTCOME_UNKNOWN', 'unknown']);
      assert.deepEqual([unknown.counts.unknown, unknown.undecided, unknown.files[0].state], [1, [37], 'unknown']);
      assert.match(unknown.next, /check the `undecided` files in Addepar, .* journal resolve .*october\.jsonl/);
      const waiting = await put('october', { fileIds: [37] });
      assert.deepEqual([waiting.status, waiting.code, waiting.reason, waiting.undecided], [409, 'ERR_JOURNAL', 'undecided', [37]]);
      new Journal(journal('october')).decide([37], 'published', { by: 'A. Smith' });
      assert.equal((await put('october', { fileIds: [37] })).status, 200);
      assert.equal(portal.control('posts'), 1);
    });

    withService(example, 'answers which files another publication is sending at this moment', async ({ portal, put }) => {
      portal.control('hold');
      const first = put('october', { fileIds: [37] });
      await posted(portal, 1);
      const second = await put('november', { fileIds: [37, 38] });
      assert.deepEqual([second.status, second.code, second.inFlight], [409, 'ERR_ALREADY_SENT', [37]]);
      assert.match(second.next, /^Wait until the call has ended/);
      portal.control('release');
      assert.deepEqual([(await first).status, (await first).inFlight], [200, []]);
      assert.equal(portal.control('posts'), 1);
    });

    withService(example, 'answers which files a person decided about', async ({ portal, put, journal }) => {
      portal.nextFault('status:403');
      assert.equal((await put('october', { fileIds: [37, 38] })).status, 422);
      new Journal(journal('october')).decide([37], 'published', { by: 'A. Smith' });
      const { status, counts, files } = await put('october', { fileIds: [37, 38] });
      assert.deepEqual([status, counts.ok, counts.notProcessed], [200, 1, 1]);
      assert.deepEqual(files.map(({ state, decision }) => [state, decision]), [['not_processed', 'published'], ['ok', null]]);
      assert.equal(portal.control('posts'), 2);
    });

    withService(example, 'answers 503 where nothing was processed, and says when to come again', async ({ portal, put }) => {
      portal.nextFault('rate_limited', { retryAfter: 600 });
      const { status, retryAfter, outcome } = await put('october', { fileIds: [37] });
      assert.deepEqual([status, retryAfter, outcome], [503, '600', 'not_processed']);
      portal.nextFault('status:403');
      assert.equal((await put('october', { fileIds: [37] })).status, 422);
      assert.equal((await put('october', { fileIds: [37] })).status, 200);
    });

    withService(example, 'answers which files a person has to look at', async ({ portal, put }) => {
      portal.nextFault('missing_result', { file: 38 });
      const { status, ok, undecided, files } = await put('october', { fileIds: [37, 38] });
      assert.deepEqual([status, ok, undecided, files.map(({ state }) => state)], [200, false, [38], ['ok', 'unknown']]);
      const again = await put('october', { fileIds: [37, 38] });
      assert.deepEqual([again.status, again.code, again.undecided], [409, 'ERR_JOURNAL', [38]]);
      assert.equal(portal.control('posts'), 1);
    });

    withService(example, 'answers what nobody can decide about while a journal is missing', async ({ portal, put, journal }) => {
      assert.equal((await put('october', { fileIds: [37] })).status, 200);
      const away = `${journal('october')}-away`;
      renameSync(journal('october'), away);
      for (const name of ['october', 'november']) {
        const { status, code, reason, undecided, message } = await put(name, { fileIds: [37] });
        assert.deepEqual([status, code, reason, undecided], [409, 'ERR_JOURNAL', 'missing', [37]]);
        assert.match(message, /Put it back/);
      }
      assert.equal((await put('december', { fileIds: [38] })).status, 500);
      renameSync(away, journal('october'));
      assert.equal((await put('october', { fileIds: [37] })).status, 200);
      assert.equal(portal.control('posts'), 1);
    });

    withService(example, 'answers 503 while its folder is not there, and says nothing of any file', async (started) => {
      const { portal, put, journals, service, log } = started;
      const publication = { fileIds: [37, 38] };
      assert.equal((await put('october', publication)).status, 200);
      const away = `${journals}-away`;
      renameSync(journals, away);
      for (const putThere of [() => {}, () => mkdirSync(journals), () => initJournalDir(journals)]) {
        putThere();
        const { message, ...others } = await put('october', publication);
        assert.deepEqual(others, { status: 503, retryAfter: '30' });
        assert.match(message, /the folder of journals is not there: nothing was sent now/);
      }
      rmSync(journals, { recursive: true });
      renameSync(away, journals);
      assert.equal((await put('october', publication)).status, 200);
      assert.equal(portal.control('posts'), 1);
      service.kill('SIGTERM');
      assert.match(await log, /is its disk mounted/);
    });

    test('does not start in a folder that was not set up', { skip }, async () => {
      link();
      const args = [join(EXAMPLES, example), mkdtempSync(join(tmpdir(), 'addepar-portal-'))];
      const service = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: 120_000, killSignal: 'SIGKILL' });
      const [log, [code]] = await Promise.all([text(service.stderr), once(service, 'exit')]);
      assert.equal(code, 1);
      assert.match(log, /is not set up for journals/);
    });

    withService(example, 'stops where its caller hangs up: the request in flight is recorded', async ({ portal, put, journal }) => {
      portal.control('hold');
      const caller = new AbortController();
      const publication = put('october', { fileIds: ids(250) }, caller.signal);
      await posted(portal, 1);
      caller.abort();
      await assert.rejects(publication, { name: 'AbortError' });
      await until(() => portal.control('connections').open <= 1);
      portal.control('release');
      await until(() => new Journal(journal('october')).chunks[0].state === 'processed');
      const { status, counts } = await put('october', { fileIds: ids(250) });
      assert.deepEqual([status, counts.ok], [200, 250]);
      const sent = portal.requests.flatMap(({ body }) => body.data.attributes.files_id);
      assert.deepEqual(sent.toSorted((a, b) => a - b), ids(250));
    });

    // A further signal does nothing more.
    for (const [signal, ...more] of [['SIGTERM', 'SIGTERM'], ['SIGINT', 'SIGINT', 'SIGTERM']]) {
      const name = `answers a publication that ends well during its shutdown as any other, after ${[signal, ...more].join(', ')}`;
      withService(example, name, async ({ portal, put, service, ended }) => {
        portal.control('hold');
        const publication = put('october', { fileIds: [37, 38] });
        await posted(portal, 1);
        service.kill(signal);
        // It takes no connections any more.
        while (await put('..', {}).then(() => true, () => false)) await sleep(5);
        for (const further of more) service.kill(further);
        portal.control('release');
        const { status, ok, counts, files, ...others } = await publication;
        assert.deepEqual([status, ok, counts.ok, files.map(({ fileId }) => fileId)], [200, true, 2, [37, 38]]);
        assert.deepEqual(others, { undecided: [], inFlight: [], retryAfter: null });
        assert.deepEqual(await ended, [0, null]);
      });
    }

    withService(example, 'ends within its grace period, whatever the server does', async ({ portal, put, service, ended, journal }) => {
      portal.nextFault('hang');
      const publication = put('october', { fileIds: ids(250) });
      await posted(portal, 1);
      for (const signal of ['SIGINT', 'SIGTERM']) service.kill(signal);
      const { status, code, undecided, next } = await publication;
      assert.deepEqual([status, code, undecided], [409, 'ERR_OUTCOME_UNKNOWN', ids(100)]);
      assert.match(next, /october\.jsonl/);
      assert.deepEqual(await ended, [0, null]);
      assert.deepEqual(new Journal(journal('october')).undecided, ids(100));
    }, { GRACE_MS: '300' });

    withService(example, 'ends although callers are there who asked nothing, or half of something', async ({ url, put, service, ended }) => {
      const half = 'PUT /publications/october HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{';
      await Promise.all(['', half].map((request) => callAndSay(url, request)));
      // They came first, so the service has them by now.
      assert.equal((await put('october', { fileIds: [37] })).status, 200);
      service.kill('SIGTERM');
      assert.deepEqual(await ended, [0, null]);
    });
  });
}

withService('express.mjs', 'the example express.mjs answers errors with Express 4 as well', async ({ portal, put }) => {
  portal.nextFault('status:403');
  const refused = await put('october', { fileIds: [37] });
  assert.deepEqual([refused.status, refused.code], [422, 'ERR_PERMISSION_DENIED']);
  const { status, ok } = await put('october', { fileIds: [37] });
  assert.deepEqual([status, ok], [200, true]);
  assert.equal((await put('november', { fileIds: {} })).status, 400);
}, {}, express4);

/** Answers to batches of a client of its own, with a folder of journals. */
function withAnswers(name, body) {
  test(`the example answers.mjs ${name}`, async () => {
    const portal = await SimulatedPortal.start();
    const folder = mkdtempSync(join(tmpdir(), "what's known-"));
    initJournalDir(folder);
    const journal = (publication) => join(folder, `${publication}.jsonl`);
    const ask = async (publication, fileIds, { settings, ...options } = {}) => {
      const modes = { portalPublishing: 'publish', contactNotification: 'use_contact_preference' };
      const client = portal.client({ journalDir: folder, ...settings });
      const error = await client.publishBatch(fileIds, { ...modes, journal: journal(publication), ...options }).catch((thrown) => thrown);
      return { ...answerTo(error), error };
    };
    try {
      await body({ portal, ask, journal });
    } finally {
      await portal.close();
    }
  });
}

withAnswers('says that nothing was sent only where that is so', async ({ portal, ask }) => {
  portal.nextFault('missing_result', { file: 38 });
  const sent = await ask('october', [37, 38, 39], { chunkSize: 2 });
  assert.deepEqual([sent.status, sent.body.reason, sent.body.undecided], [409, 'undecided', [38]]);
  assert.match(sent.body.message, /waits for a decision: 1 file may have been .* 1 ok, 1 unknown, 1 not_processed/);
  assert.doesNotMatch(sent.body.message, /Nothing was sent/);
  assert.match((await ask('october', [37, 38, 39], { chunkSize: 2 })).body.message, /Nothing was sent now\./);
});

withAnswers('says what differs from the publication of that name', async ({ ask }) => {
  await ask('october', [37]);
  const firm = await ask('october', [37], { settings: { firmId: '77' } });
  const mode = await ask('october', [37], { contactNotification: 'do_not_notify' });
  assert.match(firm.body.message, /`firmId` is 1 there and 77 here\. Nothing was sent now\./);
  assert.match(mode.body.message, /`contactNotification` is use_contact_preference there and do_not_notify here\. Nothing was sent now\./);
  for (const { status, body } of [firm, mode]) {
    assert.deepEqual([status, body.reason], [409, 'other_run']);
    assert.match(body.next, /^If anything but the list differs, the service is set up in another way than it was: look at that first\./);
  }
});

withAnswers('says what Addepar says, and that of a wrong address the settings are the cause', async ({ portal, ask }) => {
  const bodies = [
    ['Files 12 and 13 are associated with no portfolio', /400: Files 12 and 13 are associated with no portfolio\./],
    ['{"errors":[{"code":"INVALID_FILE"}]}', /400: INVALID_FILE\./],
    ['{"errors":[{"detail":"","title":"Bad"}]}', /400: Bad\./],
    ['', /^The server refused the request with 400\. The causes of a 400 that are documented: /],
  ];
  for (const [body, words] of bodies) {
    portal.nextFault('answer', { status: 400, body });
    const answer = await ask('october', [37]);
    assert.deepEqual([answer.status, answer.body.code], [422, 'ERR_REJECTED']);
    assert.match(answer.body.message, words);
    assert.match(answer.body.next, /without the files that are the cause/);
  }
  for (const status of [404, 405, 410]) {
    portal.nextFault(`status:${status}`);
    const answer = await ask('october', [37]);
    assert.deepEqual([answer.status, answer.body.code, answer.body.next], [500, 'ERR_REJECTED', undefined]);
  }
});

withAnswers('says what is known of files that were sent before', async ({ portal, ask, journal }) => {
  portal.nextFault('status:403');
  await ask('october', [37, 38]);
  new Journal(journal('october')).decide([37], 'leave', { by: 'A. Smith' });
  const left = await ask('november', [37]);
  assert.deepEqual([left.status, left.body.code, left.body.undecided], [409, 'ERR_ALREADY_SENT', []]);
  assert.match(left.body.message, /^A person left file 37 out, and it was not processed /);
  for (const [name, id] of [['december', 39], ['january', 40]]) {
    portal.nextFault('close_before_answer');
    await ask(name, [id]);
  }
  const one = await ask('february', [39, 41]);
  assert.deepEqual([one.status, one.body.undecided], [409, [39]]);
  assert.match(one.body.message, /^File 39 was sent before, and nobody knows what became of it /);
  const several = await ask('february', [39, 40, 41]);
  assert.deepEqual([several.error.journal, several.body.undecided], [null, [39, 40]]);
  assert.match(several.body.next, /in their journals, which `addepar-portal journal audit JOURNALS` names\. Then repeat this request\.$/);
});

const skipShell = process.platform === 'win32' && 'there is no sh';
test('the example answers.mjs gives commands that record decisions', { skip: skipShell }, async () => {
  const portal = await SimulatedPortal.start();
  const folder = mkdtempSync(join(tmpdir(), "what's known-"));
  const journal = join(folder, 'run.jsonl');
  portal.nextFault('close_before_answer');
  const options = { portalPublishing: 'publish', contactNotification: 'notify', journal };
  const error = await portal.client().publishBatch([37, 38], options).catch((thrown) => thrown);
  const [show, resolve] = [...answerTo(error).body.next.matchAll(/`(addepar-portal [^`]+)`/g)].map(([, command]) => command);
  const PATH = [join(EXAMPLES, '..', '..', 'node_modules', '.bin'), dirname(process.execPath), process.env.PATH].join(delimiter);
  const sh = (command) => {
    const { status, stderr } = spawnSync('sh', ['-c', command], { cwd: folder, env: { ...process.env, PATH } });
    assert.equal(status, 0, stderr.toString());
  };
  sh(show);
  const list = join(folder, 'todo.csv');
  writeFileSync(list, readFileSync(list, 'utf8').replaceAll(/,,(\r?)$/gm, ',published,$1'));
  sh(resolve.replace('NAME', "'A. Smith'"));
  assert.deepEqual(new Journal(journal).report.files.map(({ decision }) => decision), ['published', 'published']);
  await portal.close();
});

test('the example answers.mjs says nothing of files where settings are wrong', () => {
  // The folder went away after it was looked at: its report knows nothing of what was published before.
  const request = new PublishRequest([37], { portalPublishing: 'publish', contactNotification: 'notify' });
  const report = PublishReport.fromResponse(request, '{"data":[]}');
  const { status, body } = answerTo(new ConfigError({ outcome: 'not_processed', message: 'of a folder' }, report));
  assert.deepEqual([status, body], [500, { code: 'ERR_CONFIG' }]);
  assert.equal(answerTo(new ConfigError({ outcome: 'processed' }, report)).status, 409);
});

test('the example answers.mjs answers 503 to what was not begun at a shutdown', async () => {
  const portal = await SimulatedPortal.start();
  const journal = join(mkdtempSync(join(tmpdir(), 'addepar-portal-')), 'run.jsonl');
  const options = { portalPublishing: 'publish', contactNotification: 'notify', journal };
  const error = await portal.client().publishBatch([37], { ...options, signal: AbortSignal.abort(SHUTDOWN) }).catch((thrown) => thrown);
  const { status, headers, body } = answerTo(error);
  assert.deepEqual([status, headers['retry-after'], body], [503, '30', { message: 'the service stops' }]);
  assert.equal(portal.requests.length, 0);
  await portal.close();
});

test('the example answers.mjs answers as the table of errors says, for each reason of a journal', () => {
  const table = readFileSync(join(EXAMPLES, '..', '..', '.docs', 'pages', 'reference', 'errors.md'), 'utf8');
  const rows = [...table.matchAll(/^\| `(\w+)` \|.*\| (\d{3}) \|$/gm)].map(([, reason, status]) => [reason, Number(status)]);
  assert.equal(rows.length, 12);
  for (const [reason, status] of rows) assert.deepEqual([reason, answerTo(new JournalError({ reason, outcome: 'not_processed' })).status], [reason, status]);
  assert.equal(answerTo(new Error('of somebody else')).status, 500);
});

test('the example answers.mjs answers nothing that clients repeat by themselves where a file may have been published', () => {
  // The statuses that got, ky, undici's RetryAgent, axios-retry and gateways repeat.
  const isRepeated = (status) => [408, 413, 421, 425, 429].includes(status) || status >= 500;
  for (const Class of Object.values(addepar)) {
    if (typeof Class.code !== 'string' || Class.code === '') continue;
    const reason = Class.code === 'ERR_JOURNAL' ? { reason: 'changed' } : {};
    for (const members of [{ outcome: 'unknown' }, { outcome: 'processed' }, { outcome: 'not_processed', undecided: [37] }]) {
      const { status, headers } = answerTo(new Class({ ...members, ...reason, ...(Class.code === 'ERR_RATE_LIMITED' && { retryAfterMs: 1000 }) }));
      assert.deepEqual([isRepeated(status), headers], [false, {}], `${Class.code} ${JSON.stringify(members)}`);
    }
  }
  const { status, body } = answerTo(new JournalError({ reason: 'cannot_write', undecided: [37], message: 'Decide.' }));
  assert.deepEqual([status, body.undecided, body.message], [409, [37], 'Decide.']);
  assert.match(answerTo(new JournalError({ reason: 'cannot_write', outcome: 'processed' })).body.next, /^Keep this answer\./);
});

/** Runs a program in the folder of the examples. */
async function run(...args) {
  const program = spawn(process.execPath, args, {
    cwd: EXAMPLES,
    // Inside a test of node's own, `node --test` runs nothing.
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 120_000,
    killSignal: 'SIGKILL',
  });
  const [output, errors, [code]] = await Promise.all([text(program.stdout), text(program.stderr), once(program, 'exit')]);
  assert.equal(code, 0, output + errors);
  return output;
}

test('the example statements.test.mjs passes with node:test', async () => {
  assert.match(await run('--test', 'statements.test.mjs'), /^# pass 3$/m);
});

test('the example statements.spec.mjs passes with vitest', { skip }, async () => {
  link();
  assert.match(await run(join(FRAMEWORKS, 'vitest', 'vitest.mjs'), 'run', 'statements.spec.mjs'), /Tests +3 passed/);
});

