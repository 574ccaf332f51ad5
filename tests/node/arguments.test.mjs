// What functions take: how many arguments, which options, URLs in the place of addresses and paths.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { forgetJournal, initJournalDir, Journal, PortalClient, publishBatch, publishFiles, PublishRequest } from 'addepar-portal';
import { SimulatedPortal } from 'addepar-portal/testing';

const MODES = { portalPublishing: 'publish', contactNotification: 'do_not_notify' };

let portal;
let folder;
beforeEach(async () => {
  portal = await SimulatedPortal.start();
  folder = mkdtempSync(join(tmpdir(), 'addepar-portal-'));
});
afterEach(() => portal.close());

/** Calls that pass an argument too many. */
const TOO_MANY = {
  PortalClient: (client, journal) => new PortalClient({ baseUrl: client.baseUrl }, journal),
  publishFiles: (client) => client.publishFiles([37], MODES, { signal: undefined }),
  'publishFiles ': (client) => publishFiles([37], { ...MODES, client }, 38),
  publishBatch: (client, journal) => client.publishBatch([37], { ...MODES, journal }, 100),
  'publishBatch ': (client, journal) => publishBatch([37], { ...MODES, journal, client }, 100),
  resume: (client, journal) => client.resume(journal, {}, 1),
  generatedReport: (client) => client.generatedReport('job', {}, 1),
  generatedReports: (client) => client.generatedReports({}, 1),
  PublishRequest: () => new PublishRequest([37], MODES, 1),
  decide: (client, journal) => new Journal(journal).decide([1], 'published', { by: 'A. Smith' }, 'seen'),
  settle: (client, journal) => new Journal(journal).settle(client, [], {}, true),
  Journal: (client, journal) => new Journal(journal, 1),
  initJournalDir: () => initJournalDir(join(folder, 'more'), 1),
  forgetJournal: (client, journal) => forgetJournal(journal, 1),
  'SimulatedPortal.start': () => SimulatedPortal.start({}, {}),
  client: () => portal.client({}, {}),
  nextFault: () => portal.nextFault('hang', {}, 1),
};

for (const [name, call] of Object.entries(TOO_MANY)) {
  test(`${name.trim()} refuses an argument too many${name.endsWith(' ') ? ', as a function too' : ''}`, async () => {
    const journal = join(folder, 'run.jsonl');
    const client = portal.client();
    await client.publishBatch([1], { ...MODES, journal });
    const message = new RegExp(`^\`${name.trim()}\` takes \\d arguments?, not \\d: all options go into one object\\. Nothing was (sent|recorded)\\.$`);
    await assert.rejects(async () => call(client, journal), { message });
    assert.equal(portal.control('posts'), 1);
    assert.ok(!existsSync(join(folder, 'more')));
  });
}

test('an argument that is undefined is not one too many', async () => {
  assert.ok((await portal.client().publishFiles([37], MODES, undefined)).ok);
});

describe('an option that a function does not have', () => {
  const batch = 'journal, chunkSize, repeat, reports, skipPublished';
  const modes = 'portalPublishing, contactNotification, publishOverrideContactIds';
  const resume = 'onProgress, maxWaitMs, pace, signal, dropSignal, stopTimeoutMs';
  const cases = [
    ['PublishRequest', { verbose: 1 }, modes],
    ['publishFiles', { verbose: 'x' }, `${modes}, signal, repeat`],
    ['publishBatch', { concurrency: 2 }, `${modes}, ${resume}, ${batch}`],
    ['resume', { verbose: 2 }, resume],
    ['generatedReport', { verbose: 1 }, 'signal'],
    ['generatedReports', { since: 1 }, 'completedAfter, completedBefore, status, entityId, groupId, signal'],
    ['settle', { verbose: 1 }, 'apply, signal'],
    ['decide', { verbose: 1 }, 'by, evidence'],
    ['PortalClient', { verbose: 1 }, 'firmName, environment, firmId, keyId, keySecret, accessToken, baseUrl, timeoutMs, connectTimeoutMs, maxRateLimitWaitMs, proxy, caFile, journalDir, logger'],
  ];
  const call = async (name, options) => {
    const client = portal.client();
    if (name === 'PortalClient') return new PortalClient(options);
    if (name === 'settle' || name === 'decide') {
      const journal = join(folder, 'run.jsonl');
      await client.publishBatch([1], { ...MODES, journal });
      return new Journal(journal)[name](...(name === 'settle' ? [client, []] : [[1], 'leave']), options);
    }
    const first = { PublishRequest: [1], publishFiles: 'no list', publishBatch: 'no list', resume: 7, generatedReport: 7 }[name];
    if (name === 'PublishRequest') return new PublishRequest(first, options);
    return client[name](...(first === undefined ? [options] : [first, options]));
  };
  for (const [name, options, known] of cases) {
    test(`is refused by ${name} with its own list, before anything else is looked at`, async () => {
      const nothing = name === 'decide' ? 'recorded' : 'sent';
      const end = ` is not an option of \`${name}\`. Its options are ${known}. Nothing was ${nothing}.`;
      const code = name === 'PortalClient' ? 'ERR_CONFIG' : 'ERR_INPUT';
      await assert.rejects(call(name, options), (error) => {
        assert.ok(error.message.endsWith(end), error.message);
        return error.code === code;
      });
    });
  }

  test('is refused by the functions that take a client as well', async () => {
    const message = /^`clinet` is not an option of `publishFiles`\. Did you mean `client`\? .* repeat, client\. Nothing was sent\.$/;
    await assert.rejects(publishFiles([37], { ...MODES, clinet: portal.client() }), { message });
  });

  test('is refused by the simulated portal', async () => {
    await assert.rejects(SimulatedPortal.start({ failpublish: {} }), { message: /`failpublish` is not an option of `SimulatedPortal\.start`\. Did you mean `failPublish`\?/ });
  });

  test('is refused by a fault, whose parameters are named as they are written here', () => {
    assert.throws(() => portal.nextFault('slow_400'), { name: 'TypeError', message: /`afterMs` is missing/ });
    assert.throws(() => portal.nextFault('drip', { everyMs: 1, after: 2 }), { message: /`after` does not belong there: what does is `everyMs`, `bytes`/ });
    assert.throws(() => portal.nextFault('explode'), { message: /`rate_limited`/ });
  });

  for (const [written, meant] of [
    ['chunk_size', 'chunkSize'],
    ['chunksize', 'chunkSize'],
    ['maxWait', 'maxWaitMs'],
    ['stop_timeout', 'stopTimeoutMs'],
    ['onprogres', 'onProgress'],
    ['portal_publishing', 'portalPublishing'],
  ]) {
    test(`${written} is answered with ${meant}`, async () => {
      const message = new RegExp(`^\`${written}\` is not an option of \`publishBatch\`\\. Did you mean \`${meant}\`\\?`);
      await assert.rejects(portal.client().publishBatch([1], { ...MODES, journal: 'x', [written]: 1 }), { message });
    });
  }

  for (const [name, options, said] of [
    ['publishFiles', { timeoutMs: 1 }, '`timeoutMs` is not an option of `publishFiles`. It is an option of `PortalClient`. Its'],
    ['publishFiles', { timeout: 1 }, '`timeout` is not an option of `publishFiles`. Did you mean `timeoutMs`, an option of `PortalClient`? Its'],
    ['publishFiles', { journal: 'x' }, '`journal` is not an option of `publishFiles`. It is an option of `publishBatch`. Its'],
    ['resume', { chunkSize: 2 }, '`chunkSize` is not an option of `resume`. It is an option of `publishBatch`. Its'],
    ['generatedReport', { timeoutMs: 1 }, '`timeoutMs` is not an option of `generatedReport`. It is an option of `PortalClient`. Its'],
    ['publishBatch', { apply: true }, '`apply` is not an option of `publishBatch`. It is an option of `settle`. Its'],
    ['generatedReport', { pace: true }, '`pace` is not an option of `generatedReport`. It is an option of `resume`, `publishBatch`. Its'],
  ]) {
    test(`${Object.keys(options)[0]} of ${name} is answered with the function that has it`, async () => {
      await assert.rejects(call(name, options), (error) => {
        assert.ok(error.message.startsWith(said), error.message);
        return true;
      });
    });
  }

  test('is not guessed where nothing is like it', async () => {
    await assert.rejects(portal.client().publishBatch([1], { verbose: true }), (error) => !error.message.includes('Did you mean'));
  });
});

describe('a value of another kind is refused in words that help', () => {
  const secret = 'hunter2-hunter2';
  const given = [
    [(client) => client.publishFiles('37', MODES), '`fileIds` must be a list of ids, not "37" (string). Write ["37"].'],
    [(client) => client.publishFiles(37, MODES), '`fileIds` must be a list of ids, not 37 (number). Write [37].'],
    [(client) => client.publishFiles(37n, MODES), '`fileIds` must be a list of ids, not 37n (bigint). Write [37n].'],
    [(client) => client.publishFiles('37,38', MODES), '`fileIds` must be a list of ids, not "37,38" (string). Read as a list, "37" would be the files 3 and 7.'],
    [(client) => client.publishFiles(undefined, MODES), '`fileIds` must be a list of ids, not undefined.'],
    [(client) => client.publishFiles(null, MODES), '`fileIds` must be a list of ids, not null.'],
    [(client) => client.publishFiles(Promise.resolve([37]), MODES), '`fileIds` must be a list of ids, not a Promise. Did you forget `await`?'],
    [(client) => client.publishFiles([38, Promise.resolve(37)], MODES), 'fileIds[1] is Promise {…} (Promise): ids are whole numbers from 1 to 9007199254740991 or strings of ASCII digits. Did you forget `await`?'],
    [(client) => client.publishFiles({ id: 37 }, MODES), '`fileIds` must be a list of ids, not { id: 37 } (Object).'],
    [(client) => client.publishFiles([37], { ...MODES, publishOverrideContactIds: 23 }), '`publishOverrideContactIds` must be a list of ids, not 23 (number). Write [23].'],
    [(client) => client.publishFiles([37], { ...MODES, publishOverrideContactIds: '23,25' }), '`publishOverrideContactIds` must be a list of ids, not "23,25" (string). Read as a list, "37" would be the contacts 3 and 7.'],
    [(client) => client.publishFiles([37], { ...MODES, signal: 5 }), '`signal` must be an AbortSignal, not 5 (number).'],
    [(client) => client.publishBatch([37], { ...MODES, journal: 'x', maxWaitMs: '5' }), '`maxWaitMs` must be a number of milliseconds, not "5" (string).'],
    [(client) => client.publishBatch([37], { ...MODES, journal: 'x', chunkSize: '5' }), '`chunkSize` must be a number, not "5" (string).'],
    [(client) => client.publishBatch([37], MODES), '`journal` must be a string or a file: URL, not undefined.'],
    [(client) => client.resume(Promise.resolve('x')), '`journal` must be a string or a file: URL, not a Promise. Did you forget `await`?'],
    [() => portal.client({ timeoutMs: '90' }), '`timeoutMs` must be a number of milliseconds, not "90" (string).'],
    [() => portal.client({ timeoutMs: secret }), '`timeoutMs` must be a number of milliseconds, not a value of type string.'],
    [() => portal.client({ keySecret: 1234 }), '`keySecret` must be a string, not a value of type number.'],
    [() => portal.client({ keySecret: Promise.resolve(secret) }), '`keySecret` must be a string, not a Promise. Did you forget `await`?'],
    [() => portal.client({ firmName: null }), '`firmName` must be a string, not null.'],
    [() => portal.client({ accessToken: () => undefined }).publishFiles([37], MODES), 'No access token could be had: `accessToken` must return a string, not undefined.'],
    [() => portal.client({ accessToken: () => 1234 }).publishFiles([37], MODES), 'No access token could be had: `accessToken` must return a string, not a value of type number.'],
  ];
  for (const [call, message] of given) {
    test(message.replaceAll('`', ''), async () => {
      await assert.rejects(async () => call(portal.client()), { message: `${message} Nothing was sent.` });
      assert.equal(portal.control('posts'), 0);
    });
  }

  test('an iterator that does not end', async () => {
    let isClosed = false;
    function* endless() {
      try {
        for (let id = 1; ; id++) yield id;
      } finally {
        isClosed = true;
      }
    }
    const message = '`fileIds` must have at most 10,000,000 ids, not more: does the iterator end? Nothing was sent.';
    await assert.rejects(portal.client().publishBatch(endless(), { ...MODES, journal: join(folder, 'run.jsonl') }), { message });
    assert.ok(isClosed);
  });
});

test('modes are taken in upper case, as the API has them, and shown in lower case', async () => {
  const report = await portal.client().publishFiles([37], { portalPublishing: 'PUBLISH', contactNotification: 'DO_NOT_NOTIFY' });
  assert.deepEqual([report.request.portalPublishing, report.request.contactNotification], ['publish', 'do_not_notify']);
});

test('an array is not options', async () => {
  await assert.rejects(portal.client().publishFiles([37], ['publish', 'notify']), { message: /^`options` must be an object, not / });
});

describe('a URL', () => {
  test('is taken as the address of the server and of a proxy', async () => {
    const client = portal.client({ baseUrl: new URL(portal.baseUrl), proxy: new URL('http://operator:password@127.0.0.1:9') });
    assert.equal(client.baseUrl, portal.baseUrl);
    assert.ok((await client.publishFiles([37], MODES)).ok);
  });

  test('is taken as the path of a journal, of a folder of journals and of certificates', async () => {
    const journals = pathToFileURL(join(folder, 'journals of October'));
    assert.match(initJournalDir(journals), /./);
    const journal = new URL(`${journals}/run%20%23.jsonl`);
    const path = join(folder, 'journals of October', 'run #.jsonl');
    const certificates = join(folder, 'ca.pem');
    writeFileSync(certificates, '');
    const { url: baseUrl } = portal.control('endpoint', { name: 'self_signed' });
    const trusting = async () => await portal.client({ baseUrl, caFile: pathToFileURL(certificates) }).publishFiles([37], MODES);
    await assert.rejects(trusting, { code: 'ERR_CONFIG', message: /ca\.pem/ });
    const client = portal.client({ journalDir: journals });
    assert.ok((await client.publishBatch([37], { ...MODES, journal })).ok);
    assert.ok((await client.resume(journal)).ok);
    assert.equal(new Journal(journal).path, path);
    assert.throws(() => forgetJournal(journal), { code: 'ERR_JOURNAL' });
  });

  test('is refused where it leads to no file', async () => {
    for (const journal of [new URL('https://example.com/run.jsonl'), new URL('file:///run%2Fx.jsonl'), 7, null, '\ud800', { href: 'x' }]) {
      const message = /^`journal` must be a string or a file: URL, not /;
      await assert.rejects(portal.client().publishBatch([37], { ...MODES, journal }), { name: 'InputError', message });
      await assert.rejects(portal.client().resume(journal), { name: 'InputError', message });
    }
    assert.throws(() => portal.client({ journalDir: new URL('https://example.com') }), { code: 'ERR_CONFIG', message: /`journalDir` must be a string or a file: URL/ });
    assert.throws(() => portal.client({ baseUrl: {} }), { code: 'ERR_CONFIG', message: /`baseUrl` must be a string or a URL, not a value of type Object/ });
  });
});
