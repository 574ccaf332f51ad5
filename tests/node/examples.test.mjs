// The examples, executed. docs.test.mjs runs the code of the README and of the guide.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { initJournalDir, Journal } from 'addepar-portal';
import { SimulatedPortal } from 'addepar-portal/testing';

import { posted, until } from './script.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const EXAMPLES = join(ROOT, 'examples', 'node');
const PUBLISH_SH = join(ROOT, 'examples', 'command-line', 'publish.sh');

/** Runs a program against a portal of its own; this process serves it meanwhile. */
async function run(args, input = '') {
  const portal = await SimulatedPortal.start();
  try {
    const program = spawn(process.execPath, args, { cwd: ROOT, env: { ...process.env, ...portal.environ() } });
    let output = '';
    for (const stream of [program.stdout, program.stderr]) stream.on('data', (data) => (output += data));
    program.stdin.end(input);
    const code = await new Promise((resolve) => program.on('close', resolve));
    assert.equal(code, 0, output);
    return output;
  } finally {
    await portal.close();
  }
}

describe('the example service.mjs', () => {
  let portal;
  let journals;
  const services = [];
  beforeEach(async () => {
    portal = await SimulatedPortal.start();
    journals = mkdtempSync(join(tmpdir(), 'addepar-portal-'));
    initJournalDir(journals);
  });
  afterEach(async () => {
    for (const service of services.splice(0)) service.kill('SIGKILL');
    await portal.close();
  });

  function spawnIn(folder, environment = {}) {
    const env = { ...process.env, ...portal.environ(), ...environment };
    const options = { cwd: ROOT, env, timeout: 120_000, killSignal: 'SIGKILL', stdio: ['ignore', 'pipe', 'pipe'] };
    const child = spawn(process.execPath, [join(EXAMPLES, 'service.mjs'), folder], options);
    services.push(child);
    return { child, ended: once(child, 'exit'), log: text(child.stderr) };
  }

  /** A process of the service, and how it is asked. */
  async function start(environment) {
    const service = spawnIn(journals, environment);
    const url = (await once(service.child.stdout, 'data')).toString().trim();
    const ask = async (path, options) => {
      const answer = await fetch(`${url}${path}`, options);
      return { status: answer.status, location: answer.headers.get('location'), ...(await answer.json()) };
    };
    const post = (fileIds) => ask('/publications', { method: 'POST', body: JSON.stringify({ fileIds }) });
    const ended = async (location) => {
      for (;;) {
        const publication = await ask(location);
        if (!['waiting', 'running'].includes(publication.state)) return publication;
        await sleep(5);
      }
    };
    return { ...service, url, ask, post, settled: ended };
  }

  const sent = () => portal.requests.flatMap(({ method, body }) => (method === 'POST' ? [body.data.attributes.files_id] : []));
  const states = ({ report }) => report.files.map(({ state }) => state);

  test('answers at once, publishes one list after the other, and knows them afterwards', async () => {
    const service = await start();
    const [first, second] = [await service.post([37, 38]), await service.post([39])];
    assert.deepEqual([first.status, second.status], [202, 202]);
    const publication = await service.settled(second.location);
    assert.deepEqual([publication.state, states(publication)], ['done', ['ok']]);
    assert.deepEqual(sent(), [[37, 38], [39]]);
    // A caller who asks nothing does not keep it alive.
    const { hostname, port } = new URL(service.url);
    await once(connect(Number(port), hostname).on('error', () => {}), 'connect');
    service.child.kill('SIGTERM');
    assert.deepEqual(await service.ended, [0, null]);
    const next = await start();
    const shown = await next.ask(first.location);
    assert.deepEqual([shown.status, shown.state, states(shown)], [200, 'done', ['ok', 'ok']]);
    assert.equal((await next.ask('/publications/7d4e1c58-9a63-4b0f-8a25-3c9d2f6b1e70')).status, 404);
    assert.equal(sent().length, 2);
  });

  test('refuses the whole of a list that is wrong anywhere', async () => {
    const service = await start();
    const long = Array.from({ length: 1200 }, (_, index) => index + 1);
    for (const ids of ['37', undefined, [], [0], [...long, 1], [...long, 'x'], { 0: 37 }]) {
      assert.equal((await service.post(ids)).status, 400, JSON.stringify(ids));
    }
    const withMode = JSON.stringify({ fileIds: [37], contactNotification: 'do_not_notify' });
    for (const body of ['{', 'null', '[37]', withMode]) {
      assert.equal((await service.ask('/publications', { method: 'POST', body })).status, 400, body);
    }
    assert.deepEqual(readdirSync(journals).filter((name) => /^[0-9a-f]{8}-/.test(name)), []);
    assert.equal((await service.settled((await service.post(long)).location)).state, 'done');
    assert.deepEqual(sent().flat(), long);
  });

  test('moves a list aside that was refused for good, and says so', async () => {
    const service = await start();
    await service.settled((await service.post([37])).location);
    // A list that is posted again after a lost answer, and one that shares a file with it.
    const again = [(await service.post([37])).location, (await service.post([37, 38])).location];
    const shown = [];
    for (const location of again) shown.push(await service.settled(location));
    for (const { state, code } of shown) assert.deepEqual([state, code], ['refused', 'ERR_ALREADY_SENT']);
    assert.deepEqual(states(shown[1]), ['ok', 'not_processed']);
    assert.match(shown[1].next, /Post those of its files anew that are `not_processed`/);
    service.child.kill('SIGTERM');
    await service.ended;
    assert.match(await service.log, /ERR_ALREADY_SENT/);
    assert.deepEqual(readdirSync(journals).filter((name) => /^[0-9a-f-]{36}\.json$/.test(name)), []);
    const next = await start();
    for (const [index, location] of again.entries()) {
      assert.deepEqual(await next.ask(location, { method: 'POST' }), shown[index]);
    }
    assert.deepEqual(sent(), [[37]]);
    next.child.kill('SIGTERM');
    await next.ended;
    assert.equal(await next.log, '');
  });

  test('ends what another publication has overtaken, and says what became of its files', async () => {
    const service = await start();
    const overtaken = [];
    for (const [list, sentByAnother] of [[[37, 38], [37, 38]], [[39, 40], [39]]]) {
      portal.nextFault('status:403');
      const { location } = await service.post(list);
      assert.equal((await service.settled(location)).state, 'stopped');
      assert.equal((await service.settled((await service.post(sentByAnother)).location)).state, 'done');
      assert.equal((await service.ask(location, { method: 'POST' })).status, 202);
      const shown = await service.settled(location);
      assert.deepEqual([shown.state, shown.code], ['overtaken', 'ERR_ALREADY_SENT']);
      // What happened, and what to do: neither says the other again.
      assert.match(shown.message, / sent before .* Nothing was sent now\.$/);
      assert.match(shown.next, /^Post those of its files anew that are `not_processed`, or found to be `not_published`/);
      overtaken.push({ location, shown });
    }
    assert.deepEqual(overtaken.map(({ shown }) => states(shown)), [['ok', 'ok'], ['ok', 'not_processed']]);
    service.child.kill('SIGTERM');
    await service.ended;
    const next = await start();
    for (const { location, shown } of overtaken) assert.deepEqual(await next.ask(location, { method: 'POST' }), shown);
    assert.equal((await next.settled((await next.post([40])).location)).state, 'done');
    assert.deepEqual(sent(), [[37, 38], [37, 38], [39, 40], [39], [40]]);
  });

  test('waits for decisions before it ends what another publication has overtaken', async () => {
    const service = await start();
    portal.nextFault('close_before_answer');
    const list = Array.from({ length: 101 }, (_, index) => index + 1);
    const { id, location } = await service.post(list);
    assert.equal((await service.settled(location)).state, 'stopped');
    assert.equal((await service.settled((await service.post([101])).location)).state, 'done');
    assert.equal((await service.ask(location, { method: 'POST' })).status, 202);
    const undecided = await service.settled(location);
    assert.deepEqual([undecided.state, undecided.report.undecided.length], ['stopped', 100]);
    const journal = new Journal(join(journals, `${id}.jsonl`));
    journal.decide([1], 'published', { by: 'A. Smith' });
    journal.decide(journal.undecided, 'not_published', { by: 'A. Smith' });
    assert.equal((await service.ask(location, { method: 'POST' })).status, 202);
    const over = await service.settled(location);
    assert.deepEqual([over.state, over.report.undecided], ['overtaken', []]);
    const missing = over.report.files.filter(({ decision }) => decision === 'not_published').map(({ fileId }) => fileId);
    assert.equal((await service.settled((await service.post(missing)).location)).state, 'done');
    assert.deepEqual(sent(), [list.slice(0, 100), [101], list.slice(1, 100)]);
  });

  test('says that somebody has to look at a journal that cannot be read', async () => {
    const service = await start();
    portal.nextFault('status:403');
    const { id, location } = await service.post([37, 38]);
    assert.equal((await service.settled(location)).state, 'stopped');
    writeFileSync(join(journals, `${id}.jsonl`), 'no journal\n');
    const { status, state, code, message, report } = await service.ask(location);
    assert.deepEqual([status, state, code, report], [200, 'stopped', 'ERR_JOURNAL', undefined]);
    assert.match(message, /restore it from a copy/);
    assert.deepEqual(sent(), [[37, 38]]);
  });

  test('shows the files as the journal does, also after a person decided there', async () => {
    const service = await start();
    portal.nextFault('status:503');
    const { id, location } = await service.post([37, 38]);
    const stopped = await service.settled(location);
    assert.deepEqual([stopped.state, stopped.code, states(stopped)], ['stopped', 'ERR_OUTCOME_UNKNOWN', ['unknown', 'unknown']]);
    assert.match(stopped.message, /2 files went to Addepar .* may have been published and e-mailed \(files 37, 38\)/);
    const journal = new Journal(join(journals, `${id}.jsonl`));
    journal.decide([37], 'published', { by: 'A. Smith' });
    const decided = await service.ask(location);
    assert.deepEqual([decided.state, states(decided)], ['stopped', ['unknown', 'unknown']]);
    // The error was about the files as they were before.
    assert.deepEqual([decided.code, decided.message], [undefined, undefined]);
    // As in the answers of the other services.
    assert.deepEqual(decided.report.files.map(({ fileId, decision }) => [fileId, decision]), [[37, 'published'], [38, null]]);
    assert.deepEqual(Object.keys(decided.report), ['ok', 'counts', 'undecided', 'inFlight', 'files']);
    assert.deepEqual([decided.undecided, decided.journal], [[38], join(journals, `${id}.jsonl`)]);
    assert.match(decided.next, /record what they find/);
    journal.decide([38], 'leave', { by: 'A. Smith' });
    const { state, code, next } = await service.ask(location);
    assert.deepEqual([state, code, next], ['done', undefined, undefined]);
    assert.equal((await service.ask(location, { method: 'POST' })).status, 202);
    assert.equal((await service.settled(location)).state, 'done');
    assert.deepEqual(sent(), [[37, 38]]);
  });

  const skipLimits = spawnSync('prlimit', ['--version']).status === 0 ? false : 'there is no prlimit to fill a disk with';
  test('shows what became of files that its journal could not record', { skip: skipLimits }, async () => {
    portal.control('hold');
    const service = await start();
    const { id, location } = await service.post([37, 38]);
    await posted(portal, 1);
    const path = join(journals, `${id}.jsonl`);
    const limit = (size) => assert.equal(spawnSync('prlimit', ['--pid', service.child.pid, `--fsize=${size}:`]).status, 0);
    limit(statSync(path).size);
    portal.control('release');
    const shown = await service.settled(location);
    limit('unlimited');
    assert.deepEqual([shown.state, shown.code, states(shown), shown.report.undecided], ['stopped', 'ERR_JOURNAL', ['ok', 'ok'], []]);
    assert.match(shown.message, /The report of this error is true, the journal is not/);
    assert.deepEqual([shown.undecided, shown.journal], [[37, 38], path]);
    assert.match(shown.next, /journal resolve .*Then POST here/);
    assert.deepEqual(await service.ask(location), shown);
    new Journal(path).decide([37, 38], 'published', { by: 'A. Smith' });
    const { state, code, report } = await service.ask(location);
    assert.deepEqual([state, code, report.undecided], ['done', undefined, []]);
    assert.deepEqual(sent(), [[37, 38]]);
  });

  test('shows in which journal a person has to decide about files of another publication', async () => {
    const service = await start();
    portal.nextFault('status:403');
    const { location } = await service.post([37, 38]);
    await service.settled(location);
    portal.nextFault('close_before_answer');
    const another = await service.post([37]);
    await service.settled(another.location);
    assert.equal((await service.ask(location, { method: 'POST' })).status, 202);
    const shown = await service.settled(location);
    const path = join(journals, `${another.id}.jsonl`);
    assert.deepEqual([shown.state, shown.code, states(shown)], ['stopped', 'ERR_ALREADY_SENT', ['unknown', 'not_processed']]);
    assert.deepEqual([shown.undecided, shown.report.undecided, shown.journal], [[37], [37], path]);
    assert.match(shown.message, /nobody knows what became of it .* Nothing was sent now\.$/);
    assert.ok(shown.next.includes(`journal resolve '${path}' --from todo.csv`), shown.next);
    new Journal(path).decide([37], 'not_published', { by: 'A. Smith' });
    const decided = await service.ask(location);
    assert.deepEqual([decided.state, decided.code, decided.message, decided.undecided], ['stopped', undefined, undefined, []]);
    assert.match(decided.next, /^Once the cause is gone, POST here/);
    assert.equal((await service.ask(location, { method: 'POST' })).status, 202);
    assert.equal((await service.settled(location)).state, 'done');
    assert.deepEqual(sent(), [[37, 38], [37], [37, 38]]);
  });

  test('shows an error without a report until somebody decides', async () => {
    // Only HTTPS reads certificates.
    const service = await start({ ADDEPAR_BASE_URL: 'https://127.0.0.1:9', REQUESTS_CA_BUNDLE: join(journals, 'missing.pem') });
    const { id, location } = await service.post([37, 38]);
    for (let time = 1; time <= 2; time += 1) {
      const shown = await service.settled(location);
      assert.deepEqual([shown.state, shown.code, states(shown), shown.undecided], ['stopped', 'ERR_CONFIG', ['not_processed', 'not_processed'], []]);
      assert.match(shown.message, /missing\.pem, which cannot be read/);
    }
    new Journal(join(journals, `${id}.jsonl`)).decide([37], 'leave', { by: 'A. Smith' });
    const { state, code, message } = await service.ask(location);
    assert.deepEqual([state, code, message], ['stopped', undefined, undefined]);
    assert.deepEqual(sent(), []);
  });

  test('says to post where everything is decided about and files are left to be sent', async () => {
    const service = await start();
    portal.nextFault('status:503');
    const { id, location } = await service.post([37, 38]);
    assert.match((await service.settled(location)).next, /record what they find/);
    new Journal(join(journals, `${id}.jsonl`)).decide([37, 38], 'not_published', { by: 'A. Smith' });
    const { state, report, next } = await service.ask(location);
    assert.deepEqual([state, report.undecided], ['stopped', []]);
    assert.match(next, /POST here, or start the service again: only what is left is sent/);
    assert.doesNotMatch(next, /record what they find/);
    assert.equal((await service.ask(location, { method: 'POST' })).status, 202);
    assert.equal((await service.settled(location)).state, 'done');
    assert.deepEqual(sent(), [[37, 38], [37, 38]]);
  });

  test('lets what the server refused rest until somebody posts to it or starts it again', async () => {
    const service = await start();
    portal.nextFault('status:403');
    const { location } = await service.post([37]);
    const stopped = await service.settled(location);
    assert.deepEqual([stopped.state, stopped.code, states(stopped)], ['stopped', 'ERR_PERMISSION_DENIED', ['not_processed']]);
    assert.match(stopped.next, /POST here, or start the service again/);
    portal.nextFault('status:403');
    assert.equal((await service.ask(location, { method: 'POST' })).status, 202);
    assert.equal((await service.settled(location)).state, 'stopped');
    assert.deepEqual(sent(), [[37], [37]]);
    service.child.kill('SIGTERM');
    await service.ended;
    const done = await (await start()).settled(location);
    assert.deepEqual([done.state, done.next], ['done', undefined]);
    assert.deepEqual(sent(), [[37], [37], [37]]);
  });

  // A further signal does nothing more.
  for (const [signal, ...more] of [['SIGTERM', 'SIGTERM'], ['SIGINT', 'SIGINT', 'SIGTERM']]) {
    test(`loses no list that it accepted when it is stopped by ${[signal, ...more].join(', ')}`, async () => {
      portal.control('hold');
      const service = await start();
      const [first, second] = [await service.post([37]), await service.post([38, 39])];
      await posted(portal, 1);
      service.child.kill(signal);
      // It takes no connections any more.
      while (await service.ask(first.location).then(() => true, () => false)) await sleep(5);
      for (const further of more) service.child.kill(further);
      portal.control('release');
      assert.deepEqual(await service.ended, [0, null]);
      assert.deepEqual(sent(), [[37]]);
      const next = await start();
      for (const { location } of [first, second]) assert.equal((await next.settled(location)).state, 'done');
      assert.deepEqual(sent(), [[37], [38, 39]]);
    });
  }

  test('loses no list that it accepted when it is killed, and sends none again that may have gone out', async () => {
    portal.nextFault('hang');
    const service = await start();
    const [first, second] = [await service.post([37]), await service.post([38, 39])];
    await posted(portal, 1);
    service.child.kill('SIGKILL');
    await service.ended;
    const next = await start();
    assert.equal((await next.settled(second.location)).state, 'done');
    const waiting = await next.settled(first.location);
    assert.deepEqual([waiting.state, waiting.code, states(waiting)], ['stopped', 'ERR_JOURNAL', ['unknown']]);
    new Journal(join(journals, `${waiting.id}.jsonl`)).decide([37], 'published', { by: 'A. Smith' });
    assert.equal((await next.ask(first.location, { method: 'POST' })).status, 202);
    assert.equal((await next.settled(first.location)).state, 'done');
    assert.deepEqual(sent(), [[37], [38, 39]]);
  });

  test('accepts nothing while another folder is in the place of its own, and loses nothing', async () => {
    const service = await start();
    portal.nextFault('status:403');
    const { location } = await service.post([37]);
    assert.equal((await service.settled(location)).state, 'stopped');
    const away = `${journals}-away`;
    renameSync(journals, away);
    const others = [() => {}, () => mkdirSync(journals), () => initJournalDir(journals)];
    for (const putThere of others) {
      putThere();
      const { status, error } = await service.post([38]);
      assert.deepEqual([status, /the folder of journals is not there/.test(error)], [503, true]);
      for (const method of ['GET', 'POST']) assert.equal((await service.ask(location, { method })).status, 503);
    }
    assert.deepEqual(readdirSync(journals).filter((name) => /^[0-9a-f]{8}-/.test(name)), []);
    rmSync(journals, { recursive: true });
    renameSync(away, journals);
    assert.equal((await service.ask(location, { method: 'POST' })).status, 202);
    assert.equal((await service.settled(location)).state, 'done');
    assert.deepEqual(sent(), [[37], [37]]);
    service.child.kill('SIGTERM');
    assert.match(await service.log, /is its disk mounted/);
  });

  test('sends nothing of a list that waits while another folder comes into the place of its own', async () => {
    portal.control('hold');
    const service = await start();
    const [, second] = [await service.post([37]), await service.post([38])];
    await posted(portal, 1);
    const away = `${journals}-away`;
    renameSync(journals, away);
    initJournalDir(journals);
    portal.control('release');
    let log = '';
    service.child.stderr.on('data', (data) => (log += data));
    await until(() => log.includes('is its disk mounted') || sent().length > 1);
    assert.deepEqual(sent(), [[37]]);
    rmSync(journals, { recursive: true });
    renameSync(away, journals);
    const shown = await service.ask(second.location);
    assert.deepEqual([shown.state, shown.report], ['stopped', undefined]);
    assert.match(shown.message, /is its disk mounted/);
    assert.equal((await service.ask(second.location, { method: 'POST' })).status, 202);
    assert.equal((await service.settled(second.location)).state, 'done');
    assert.deepEqual(sent(), [[37], [38]]);
  });

  test('says what can be done about a publication whose list is gone', async () => {
    const service = await start();
    portal.nextFault('status:403');
    const { id, location } = await service.post([37]);
    await service.settled(location);
    rmSync(join(journals, `${id}.json`));
    const shown = await service.ask(location, { method: 'POST' });
    assert.deepEqual([shown.status, shown.state], [200, 'stopped']);
    assert.match(shown.next, /The list is gone.* resume/);
  });

  test('does not start in a folder that was not set up', async () => {
    const service = spawnIn(mkdtempSync(join(tmpdir(), 'addepar-portal-')));
    assert.deepEqual(await service.ended, [1, null]);
    assert.match(await service.log, /is not set up for journals/);
  });
});

test('the example publish.sh says that nothing was sent only where that is so', { skip: process.platform === 'win32' && 'there is no sh' }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'addepar-portal-'));
  const env = { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` };
  async function sayOf(status, variables = {}) {
    const program = spawn('sh', [PUBLISH_SH, 'files.csv', 'run.jsonl'], { env: { ...env, ...variables }, stdio: ['ignore', 'ignore', 'pipe'] });
    const [words, [code]] = await Promise.all([text(program.stderr), once(program, 'exit')]);
    assert.equal(code, status);
    return words;
  }
  assert.match(await sayOf(127), /Nothing was sent: the program addepar-portal was not found/);
  assert.match(await sayOf(126, { ADDEPAR_PORTAL: folder }), /Nothing was sent: the program .* could not be started/);
  const said = {};
  for (const status of [0, 1, 2, 3, 4, 5, 70, 126, 127, 129, 130, 137, 143]) {
    writeFileSync(join(folder, 'addepar-portal'), `#!/bin/sh\nexit ${status}\n`, { mode: 0o755 });
    said[status] = await sayOf(status);
    assert.equal(await sayOf(status, { ADDEPAR_PORTAL: join(folder, 'addepar-portal') }), said[status].replaceAll('addepar-portal', join(folder, 'addepar-portal')));
  }
  const nothing = Object.keys(said).filter((status) => /Nothing was sent/.test(said[status]));
  assert.deepEqual(nothing, ['2', '126', '127']);
  for (const status of [1, 70, 129, 130, 137, 143]) assert.match(said[status], /journal show run\.jsonl/);
  // Another journal of the folder may be the one that waits.
  assert.match(said[3], /the journal that the message above names: addepar-portal journal resolve/);
  assert.doesNotMatch(said[3], /run\.jsonl/);
});

// credentials.test.mjs runs the one that needs a token server, services.test.mjs those with frameworks.
const OTHERS = new Set(['service.mjs', 'oauth.mjs', 'answers.mjs', 'express.mjs', 'fastify.mjs', 'statements.mjs']);
for (const name of readdirSync(EXAMPLES).filter((file) => file.endsWith('.mjs') && !OTHERS.has(file) && !/\.(test|spec)\./.test(file))) {
  test(`the example ${name}`, async () => {
    assert.notEqual(await run([join(EXAMPLES, name), '37', '38']), '');
  });
}
