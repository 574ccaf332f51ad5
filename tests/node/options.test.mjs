// Which properties of a caller's objects count, and which values are refused rather than passed over.

import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { inspect } from 'node:util';

import { PortalClient, publishBatch, publishFiles, PublishRequest } from 'addepar-portal';
import { SimulatedPortal } from 'addepar-portal/testing';

import { runScript } from './script.mjs';

const MODES = { portalPublishing: 'publish', contactNotification: 'notify' };

let portal;
let other;
beforeEach(async () => {
  portal = await SimulatedPortal.start();
  other = await SimulatedPortal.start();
});
afterEach(async () => {
  await portal.close();
  await other.close();
});

describe('a polluted Object.prototype', () => {
  /** Runs a script after somebody gave every object these properties; what it prints is JSON. */
  async function polluted(properties, script) {
    const { code, output, errors } = await runScript(
      portal,
      `const { Journal, PortalClient, publishBatch, publishFiles, PublishRequest } = require('addepar-portal');
      const { SimulatedPortal } = require('addepar-portal/testing');
      const MODES = ${JSON.stringify(MODES)};
      const OTHER = ${JSON.stringify(other.baseUrl)};
      const elsewhere = new PortalClient({ baseUrl: OTHER });
      const journal = require('node:path').join(require('node:fs').mkdtempSync(require('node:os').tmpdir() + '/'), 'run.jsonl');
      (async () => {
        const properties = ${properties};
        Object.assign(Object.prototype, properties);
        const result = await (async () => { ${script} })();
        for (const name of Object.keys(properties)) delete Object.prototype[name];
        console.log(JSON.stringify(result));
      })();`,
    );
    assert.deepEqual([code, errors], [0, '']);
    return JSON.parse(output);
  }

  const settings = `{
    firmName: 'otherfirm', environment: 'sandbox', firmId: '2', keyId: 'x', keySecret: 'y', accessToken: 'z',
    baseUrl: OTHER, timeoutMs: 1, connectTimeoutMs: 1, maxRateLimitWaitMs: 1, proxy: OTHER, caFile: '/nowhere',
    journalDir: '/nowhere', logger: { debug() { throw 1; }, info() { throw 1; }, warn() { throw 1; } }, asksForToken: true,
  }`;

  test('is not a setting: credentials go where they belong', async () => {
    const urls = await polluted(
      settings,
      `const clients = [new PortalClient(), new PortalClient({ keyId: 'simulated-key', keySecret: 'simulated-secret' })];
      for (const [index, client] of clients.entries()) await client.publishFiles([37 + index], MODES);
      return clients.map((client) => [client.baseUrl, client.firmId]);`,
    );
    assert.deepEqual(urls, [[portal.baseUrl, '1'], [portal.baseUrl, '1']]);
    assert.deepEqual([portal.control('posts'), other.control('posts')], [2, 0]);
  });

  test('is not an environment', async () => {
    const variables = `{
      ADDEPAR_FIRM_NAME: 'otherfirm', ADDEPAR_BASE_URL: OTHER, ADDEPAR_JOURNAL_DIR: '/nowhere', ADDEPAR_PORTAL_LIVE: '1',
      HTTPS_PROXY: OTHER, https_proxy: OTHER, ALL_PROXY: OTHER, REQUESTS_CA_BUNDLE: '/nowhere',
    }`;
    const seen = await polluted(
      variables,
      `for (const name of Object.keys(properties)) delete process.env[name];
      let refused;
      try { new PortalClient() } catch (error) { refused = error.code; }
      const client = new PortalClient({ baseUrl: ${JSON.stringify(portal.baseUrl)} });
      return [refused, (await client.publishFiles([37], MODES)).ok];`,
    );
    assert.deepEqual(seen, ['ERR_CONFIG', true]);
    assert.equal(other.control('posts'), 0);
  });

  test('is not an option of a call', async () => {
    const options = `{
      publishOverrideContactIds: [666], client: elsewhere, repeat: 'allow', signal: AbortSignal.abort(), journal: '/nowhere',
      chunkSize: 1, maxWaitMs: 0, pace: true, onProgress() { throw new Error('called'); }, by: 'Nobody', evidence: 'none',
    }`;
    const seen = await polluted(
      options,
      `const one = await publishFiles([37], { ...MODES });
      const many = await publishBatch([1, 2, 3], { ...MODES, journal });
      const refused = [];
      for (const call of [
        () => publishFiles([37], { portalPublishing: 'publish' }),
        () => publishBatch([37], MODES),
        () => new Journal(journal).decide([1], 'leave', {}),
      ]) {
        try { await call(); } catch (error) { refused.push(error.code + ' ' + error.message); }
      }
      return [one.ok, many.ok, (await new PortalClient().resume(journal)).ok, new PublishRequest([1], MODES), refused];`,
    );
    const [one, many, resumed, request, refused] = seen;
    assert.deepEqual([one, many, resumed], [true, true, true]);
    assert.ok(!('publish_override_contact_ids' in request.data.attributes));
    for (const [index, part] of ['contactNotification', 'journal', 'by'].entries()) {
      assert.match(refused[index], new RegExp(`^ERR_INPUT .*${part}`));
    }
    const bodies = portal.requests.map(({ body }) => body.data.attributes);
    assert.deepEqual(bodies.map(({ files_id: files }) => files), [[37], [1, 2, 3]]);
    assert.ok(bodies.every((body) => !('publish_override_contact_ids' in body)));
    assert.equal(other.control('posts'), 0);
  });

  test('is not an option of a read or of a settlement', async () => {
    const options = `{
      completedAfter: new Date(0), completedBefore: new Date(0), status: 'ERROR', entityId: 1, groupId: 2, signal: AbortSignal.abort(),
      apply: true, reports: ['job'], skipPublished: true,
    }`;
    const seen = await polluted(
      options,
      `const client = new PortalClient();
      const reports = await client.generatedReports();
      const published = await client.publishBatch([37], { ...MODES, journal });
      const { applied } = await new Journal(journal).settle(client);
      return [reports, published.ok, applied];`,
    );
    assert.deepEqual(seen, [[], true, false]);
    assert.deepEqual(portal.requests.map(({ method, path }) => `${method} ${path}`), [
      'GET /api/v1/generated_reports', 'POST /api/v1/portal/publish_files',
    ]);
  });

  test('is not an option of a simulated portal', async () => {
    const options = `{ files: {}, emails: 'per_call', faults: ['status:503'], delayMs: 1e9, port: 1, accessToken: 'x', preferences: 1, generatedReports: 1, clock: 0 }`;
    const ok = await polluted(
      options,
      `const own = await SimulatedPortal.start();
      const report = await own.client().publishFiles([37], MODES);
      await own.close();
      return report.ok;`,
    );
    assert.equal(ok, true);
  });
});

describe("the caller's own properties", () => {
  const journalDir = () => join(mkdtempSync(join(tmpdir(), 'addepar-portal-')), 'journals');

  test('of any object count: frozen, without a prototype, with getters, of a class', async () => {
    class Fields {
      portalPublishing = 'publish';
      contactNotification = 'notify';
    }
    const getters = {
      get portalPublishing() {
        return 'publish';
      },
      get contactNotification() {
        return 'notify';
      },
    };
    for (const options of [
      Object.freeze({ ...MODES }),
      Object.assign(Object.create(null), MODES),
      { ...Object.freeze(MODES) },
      getters,
      new Fields(),
    ]) {
      assert.ok((await portal.client().publishFiles([37], options)).ok, inspect(options));
      assert.deepEqual(new PublishRequest([37], options).fileIds, [37]);
    }
    const settings = { baseUrl: portal.baseUrl, firmId: '1', keyId: 'k', keySecret: 's' };
    assert.equal(new PortalClient(Object.freeze(settings)).firmId, '1');
    assert.equal(new PortalClient(Object.assign(Object.create(null), settings)).firmId, '1');
  });

  test('are not those of a class: these are refused, not passed over', async () => {
    class Options {
      get portalPublishing() {
        return 'publish';
      }

      get contactNotification() {
        return 'notify';
      }
    }
    const hidden = Object.defineProperty({ ...MODES }, 'repeat', { value: 'allow', enumerable: false });
    const inherited = Object.assign(Object.create({ repeat: 'allow' }), MODES);
    const message = /must be an enumerable property of the options themselves/;
    for (const options of [new Options(), hidden, inherited]) {
      await assert.rejects(portal.client().publishFiles([37], options), { name: 'InputError', message });
      await assert.rejects(publishFiles([37], options), { name: 'InputError', message });
    }
    const settings = Object.assign(Object.create({ journalDir: journalDir() }), { firmId: '1' });
    assert.throws(() => new PortalClient(settings), { name: 'ConfigError', message });
    assert.equal(portal.control('posts'), 0);
  });
});

describe('what is not there, and what is nothing', () => {
  const NOTHING = [null, 0, '', false, Number.NaN, 0n];

  test('a client that is nothing is refused, not replaced', async () => {
    const saved = { ...process.env };
    Object.assign(process.env, portal.environ());
    try {
      const journal = join(mkdtempSync(join(tmpdir(), 'addepar-portal-')), 'run.jsonl');
      for (const client of [...NOTHING, {}, [], 'client', () => {}]) {
        await assert.rejects(publishFiles([37], { ...MODES, client }), { name: 'InputError', message: /client/ });
        await assert.rejects(publishBatch([37], { ...MODES, client, journal }), { name: 'InputError', message: /client/ });
      }
      assert.equal(portal.control('posts'), 0);
    } finally {
      process.env = saved;
    }
  });

  test('a signal that is null is not there, as for fetch', async () => {
    const client = portal.client();
    const journal = join(mkdtempSync(join(tmpdir(), 'addepar-portal-')), 'run.jsonl');
    assert.ok((await client.publishFiles([37], { ...MODES, signal: null })).ok);
    assert.ok((await client.publishBatch([38], { ...MODES, journal, signal: null, dropSignal: null })).ok);
    assert.ok((await client.resume(journal, { signal: null, dropSignal: null })).ok);
    assert.deepEqual(await client.generatedReports({ signal: null }), []);
  });

  test('every other value that is nothing is refused as well, or means what it says', async () => {
    const client = portal.client();
    for (const value of NOTHING) {
      for (const name of ['signal', 'repeat', 'publishOverrideContactIds'].filter((each) => each !== 'signal' || value !== null)) {
        await assert.rejects(client.publishFiles([37], { ...MODES, [name]: value }), { name: 'InputError' }, `${name} ${value}`);
      }
      assert.throws(() => portal.client({ logger: value }), { name: 'ConfigError', message: /logger/ });
      assert.throws(() => portal.client({ baseUrl: value }), { name: 'ConfigError' }, `baseUrl ${value}`);
      for (const options of value === '' ? [] : [value]) {
        assert.throws(() => new PortalClient(options), { name: 'ConfigError', message: /options/ }, `options ${value}`);
        await assert.rejects(client.publishFiles([37], options), { name: 'InputError', message: /options/ });
      }
    }
    assert.equal(portal.control('posts'), 0);
  });
});
