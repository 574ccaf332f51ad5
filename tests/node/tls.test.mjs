// Whom the package trusts and which way it goes; the servers are Node's own, the certificates openssl's.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';

import { ConnectError, PortalClient } from 'addepar-portal';

const MODES = { portalPublishing: 'publish', contactNotification: 'do_not_notify' };
const KEY = { firmId: '1', keyId: 'simulated-key', keySecret: 'simulated-secret' };
/** Who asks, which firewalls want to know. */
const USER_AGENT = userAgent();
const NAME = 'portal.test'; // a name that only the proxy knows
const VARIABLES = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy', 'NO_PROXY', 'no_proxy'];
const CERTIFICATES = ['REQUESTS_CA_BUNDLE', 'NODE_EXTRA_CA_CERTS'];

const KEY_PAIR = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const skip = hasOpenssl ? false : 'there is no openssl to make certificates with';
const folder = mkdtempSync(join(tmpdir(), 'addepar-portal-'));
test.after(() => rmSync(folder, { recursive: true }));

function userAgent() {
  const { version } = createRequire(import.meta.url)('addepar-portal/package.json');
  const [major, minor] = process.versions.node.split('.');
  const system = { darwin: 'macos', win32: 'windows' }[process.platform] ?? process.platform;
  const machine = { x64: 'x86_64', arm64: 'aarch64' }[process.arch] ?? process.arch;
  return `addepar-portal/${version} (node/${major}.${minor}; ${system} ${machine})`;
}

function openssl(...args) {
  const { status, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}

/** A certificate authority and one server of it. */
function authority(name, hosts) {
  const ca = ['-x509', '-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', `/CN=${name}`];
  openssl('req', ...KEY_PAIR, '-days', '2', ...ca);
  const request = ['-keyout', `${name}-server.key`, '-out', `${name}.csr`, '-subj', `/CN=${name} server`];
  openssl('req', ...KEY_PAIR, ...request);
  writeFileSync(join(folder, `${name}.ext`), `subjectAltName=${hosts.map((host) => `DNS:${host}`)}\n`);
  const signed = ['-CA', `${name}.pem`, '-CAkey', `${name}.key`, '-CAcreateserial', '-out', `${name}-server.pem`];
  openssl('x509', '-req', '-in', `${name}.csr`, '-days', '1', '-extfile', `${name}.ext`, ...signed);
  return join(folder, `${name}.pem`);
}

async function listen(server) {
  server.connections = 0;
  server.on('connection', () => server.connections++);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server.address().port;
}

/** A portal behind TLS: it publishes what it is asked to, and keeps the requests. */
async function portal(name) {
  const requests = [];
  const read = (file) => readFileSync(join(folder, file));
  const server = createTlsServer({ key: read(`${name}-server.key`), cert: read(`${name}-server.pem`) });
  server.on('request', async (request, response) => {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    requests.push({ headers: request.headers, body: text });
    const result = (id) => ({
      id: String(id),
      type: 'publish_files_result',
      attributes: { file_id: id, publish_status: 'success', notify_status: 'success' },
    });
    response.end(JSON.stringify({ data: JSON.parse(text).data.attributes.files_id.map(result) }));
  });
  const port = await listen(server);
  return { server, port, requests, close: () => server.close() };
}

/** A proxy that wants a password; every host is this machine. */
async function passwordProxy(user) {
  const asked = [];
  const server = createServer();
  server.on('connect', (request, client) => {
    asked.push({
      target: request.url,
      headers: Object.keys(request.headers).toSorted(),
      userAgent: request.headers['user-agent'],
    });
    const expected = `Basic ${Buffer.from(user).toString('base64')}`;
    if (request.headers['proxy-authorization'] !== expected) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    const upstream = connect(Number(request.url.split(':')[1]), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.pipe(client).pipe(upstream);
    });
    for (const socket of [client, upstream]) socket.on('error', () => socket.destroy());
  });
  const port = await listen(server);
  return { server, port, asked, close: () => server.close() };
}

/** Sets variables for the time of `work`. */
async function withVariables(variables, work) {
  const before = { ...process.env };
  for (const name of [...VARIABLES, ...CERTIFICATES]) delete process.env[name];
  Object.assign(process.env, variables);
  try {
    return await work();
  } finally {
    for (const name of [...VARIABLES, ...CERTIFICATES, ...Object.keys(variables)]) delete process.env[name];
    Object.assign(process.env, before);
  }
}

async function publish(options) {
  const client = new PortalClient({ ...KEY, ...options });
  try {
    return await client.publishFiles([37, 38], MODES);
  } finally {
    client.close();
  }
}

test('certificates', { skip }, async (context) => {
  const file = authority('private', ['localhost']);
  const stranger = authority('stranger', ['localhost']);
  authority('other', [NAME]);
  const cases = [
    ['nothing given', {}, {}, 'private', false],
    ['caFile', {}, { caFile: file }, 'private', true],
    ['NODE_EXTRA_CA_CERTS', { NODE_EXTRA_CA_CERTS: file }, {}, 'private', true],
    ['caFile goes before NODE_EXTRA_CA_CERTS', { NODE_EXTRA_CA_CERTS: file }, { caFile: stranger }, 'private', false],
    ['another host', {}, { caFile: join(folder, 'other.pem') }, 'other', false],
  ];
  for (const [name, variables, options, server, accepted] of cases) {
    await context.test(name, async () => {
      const { port, requests, server: listener, close } = await portal(server);
      const call = withVariables(variables, () => publish({ baseUrl: `https://localhost:${port}`, ...options }));
      if (accepted) {
        assert((await call).ok);
      } else {
        await assert.rejects(call, (error) => {
          assert(error instanceof ConnectError);
          assert.equal(error.outcome, 'not_processed');
          assert.match(error.message, /Nothing was sent.*`caFile`/);
          return true;
        });
      }
      assert.equal(listener.connections, 1);
      assert.equal(requests.length, accepted ? 1 : 0);
      close();
    });
  }
});

test('a forward proxy', { skip }, async (context) => {
  const password = 'pass:w/rd@5%';
  const caFile = authority('remote', [NAME, 'localhost']);
  const { port, requests, close } = await portal('remote');
  const proxy = await passwordProxy(`operator:${password}`);
  const url = (secret) => `http://operator:${encodeURIComponent(secret)}@127.0.0.1:${proxy.port}`;
  const live = { ADDEPAR_PORTAL_LIVE: '1' };
  const cases = [
    ['proxy', live, { proxy: url(password) }, NAME, 'through'],
    ['HTTPS_PROXY', { ...live, HTTPS_PROXY: url(password) }, {}, NAME, 'through'],
    ['ALL_PROXY', { ...live, ALL_PROXY: url(password) }, {}, NAME, 'through'],
    ['proxy goes before NO_PROXY', { ...live, NO_PROXY: '*' }, { proxy: url(password) }, NAME, 'through'],
    ['this machine', { ALL_PROXY: url(password) }, { proxy: url(password) }, 'localhost', 'direct'],
    ['wrong password', { ...live, HTTPS_PROXY: url('wrong:w/rd') }, {}, NAME, 'refused'],
  ];
  for (const [name, variables, options, host, way] of cases) {
    await context.test(name, async () => {
      proxy.asked.length = 0;
      requests.length = 0;
      const call = withVariables(variables, () => publish({ baseUrl: `https://${host}:${port}`, caFile, ...options }));
      if (way === 'refused') {
        await assert.rejects(call, (error) => {
          assert(error instanceof ConnectError);
          assert.equal(error.outcome, 'not_processed');
          assert.match(error.message, /Nothing was sent.*HTTPS_PROXY/);
          const told = `${error.stack} ${JSON.stringify(error)} ${JSON.stringify(error.report)}`;
          assert(!/wrong|d3Jvbmc/.test(told), told);
          return true;
        });
      } else {
        assert((await call).ok);
      }
      const asked = [{ target: `${NAME}:${port}`, headers: ['host', 'proxy-authorization', 'user-agent'], userAgent: USER_AGENT }];
      assert.deepEqual(proxy.asked, way === 'direct' ? [] : asked);
      assert.equal(requests.length, way === 'refused' ? 0 : 1);
      assert(requests.every(({ headers }) => !('proxy-authorization' in headers)));
      assert(requests.every(({ headers }) => headers['user-agent'] === USER_AGENT));
    });
  }
  close();
  proxy.close();
});
