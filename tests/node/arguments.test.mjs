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
    ['PublishRequest', { signal: undefined, singal: 1 }, modes],
    ['publishFiles', { journal: 'x' }, `${modes}, signal, repeat`],
    ['publishBatch', { concurrency: 2 }, `${modes}, ${resume}, ${batch}`],
    ['resume', { chunkSize: 2 }, resume],
    ['generatedReport', { timeoutMs: 1 }, 'signal'],
    ['generatedReports', { since: 1 }, 'completedAfter, completedBefore, status, entityId, groupId, signal'],
  ];
  const call = (name, options) => {
    const client = portal.client();
    const first = { PublishRequest: [1], publishFiles: 'no list', publishBatch: 'no list', resume: 7, generatedReport: 7 }[name];
    if (name === 'PublishRequest') return new PublishRequest(first, options);
    return client[name](...(first === undefined ? [options] : [first, options]));
  };
  for (const [name, options, known] of cases) {
    test(`is refused by ${name} with its own list, before anything else is looked at`, async () => {
      const end = ` is not an option of \`${name}\`. Its options are ${known}. Nothing was sent.`;
      await assert.rejects(async () => call(name, options), (error) => error.code === 'ERR_INPUT' && error.message.endsWith(end));
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

  test('is not guessed where nothing is like it', async () => {
    await assert.rejects(portal.client().publishBatch([1], { verbose: true }), (error) => !error.message.includes('Did you mean'));
  });
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
