// A callable that is asked for tokens, by one call or by many at once; and the OAuth example on top of it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { ConfigError } from 'addepar-portal';
import { SimulatedPortal } from 'addepar-portal/testing';

import { posted, until } from './script.mjs';

const MODES = { portalPublishing: 'publish', contactNotification: 'do_not_notify' };
const EXAMPLE = fileURLToPath(new URL('../../examples/node/oauth.mjs', import.meta.url));

let portal;
beforeEach(async () => {
  portal = await SimulatedPortal.start();
});
afterEach(() => portal.close());

test('a callable is asked once for many waiting calls, and once more after a 401', async () => {
  const count = 8;
  portal.control('hold');
  const tokens = ['stale-token', 'simulated-token'];
  let asked = 0;
  const client = portal.client({
    async accessToken() {
      asked += 1;
      await sleep(200);
      return tokens.shift();
    },
  });
  const calls = Promise.all(Array.from({ length: count }, (_, index) => client.publishFiles([index + 1], MODES)));
  // None is refused before all have gone out with the first token.
  await posted(portal, count);
  assert.equal(asked, 1);
  portal.control('release');
  const reports = await calls;
  assert.ok(reports.every(({ ok }) => ok));
  assert.equal(asked, 2);
  assert.equal(portal.control('posts'), 2 * count);
});

test('a callable may publish with another client while it is asked', async () => {
  const other = portal.client({ accessToken: () => 'simulated-token' });
  const client = portal.client({
    async accessToken() {
      assert.ok((await other.publishFiles([1], MODES)).ok);
      return 'simulated-token';
    },
  });
  assert.ok((await client.publishFiles([2], MODES)).ok);
});

test('a callable that publishes with its own client is told so', async () => {
  const client = portal.client({
    timeoutMs: 500,
    async accessToken() {
      await client.publishFiles([1], MODES);
      return 'simulated-token';
    },
  });
  await assert.rejects(client.publishFiles([2], MODES), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.match(error.message, /publishes with this client itself/);
    return true;
  });
  assert.deepEqual(portal.requests, []);
});

test('a callable that never answers costs each call no more than its timeout, and is not asked in vain again and again', async () => {
  let asked = 0;
  let provide;
  const accessToken = () => {
    asked += 1;
    return new Promise((resolve) => {
      provide = resolve;
    });
  };
  const client = portal.client({ timeoutMs: 500, accessToken });
  const started = Date.now();
  const [first, second] = await Promise.allSettled([client.publishFiles([1], MODES), client.publishFiles([2], MODES)]);
  assert.ok(Date.now() - started >= 499);
  for (const [file, { reason }] of [first, second].entries()) {
    assert.ok(reason instanceof ConfigError, reason);
    assert.match(reason.message, /^No access token could be had: .*Nothing was sent\.$/);
    assert.equal(reason.report.file(file + 1).state, 'not_processed');
  }
  assert.match(first.reason.message, /the token function has given none for 500 ms/);
  assert.match(second.reason.message, /another call has been asking for it/);
  assert.equal(asked, 1);
  assert.deepEqual(portal.requests, []);
  // It comes too late for them, and is there for the next.
  provide('simulated-token');
  await new Promise(setImmediate);
  assert.ok((await client.publishFiles([3], MODES)).ok);
  assert.equal(asked, 1);
});

test('a callable gets a signal, which ends with the call that waits no longer', async () => {
  const signals = [];
  const client = portal.client({
    timeoutMs: 300,
    accessToken: ({ signal }) => {
      signals.push(signal);
      return signals.length < 3 ? new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))) : 'simulated-token';
    },
  });
  await assert.rejects(client.publishFiles([1], MODES), { code: 'ERR_CONFIG', message: /has given none for 300 ms/ });
  assert.deepEqual([signals[0].aborted, signals[0].reason.name], [true, 'AbortError']);
  const controller = new AbortController();
  const stopped = client.publishFiles([2], { ...MODES, signal: controller.signal });
  await until(() => signals.length === 2);
  assert.equal(signals[1].aborted, false);
  controller.abort();
  await assert.rejects(stopped, { name: 'AbortError', code: 20 });
  assert.equal(signals[1].aborted, true);
  assert.ok((await client.publishFiles([3], MODES)).ok);
  assert.equal(signals[2].aborted, false, 'it was answered');
  assert.equal(portal.control('posts'), 1);
});

test('a callable that fails too late ends no process', async () => {
  let refuse;
  const client = portal.client({
    timeoutMs: 200,
    accessToken: () =>
      new Promise((_, reject) => {
        refuse = reject;
      }),
  });
  await assert.rejects(client.publishFiles([1], MODES), { code: 'ERR_CONFIG', message: /has given none/ });
  refuse(new Error('too late'));
  await sleep(20);
});

/** Grants an access token for the one refresh token that is not spent, which it rotates. */
async function tokenServer(accessTokens) {
  const server = createServer(async (request, response) => {
    const form = Object.fromEntries(new URLSearchParams(await text(request)));
    const expected = {
      grant_type: 'refresh_token',
      refresh_token: `refresh-${server.granted}`,
      client_id: 'client',
      client_secret: 'secret of the client',
    };
    if (JSON.stringify(form) !== JSON.stringify(expected)) {
      response.writeHead(400).end('{"error":"invalid_grant"}');
      return;
    }
    server.granted += 1;
    response.end(JSON.stringify({ access_token: accessTokens.shift(), refresh_token: `refresh-${server.granted}` }));
  });
  server.granted = 0;
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

test('the OAuth example rotates its refresh token', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'addepar-portal-'));
  const file = join(folder, 'refresh-token');
  const server = await tokenServer(['stale-token', 'simulated-token', 'simulated-token']);
  const run = async () => {
    const child = spawn(process.execPath, [EXAMPLE, '37', '38'], {
      env: {
        ...process.env,
        ...portal.environ(),
        OAUTH_TOKEN_URL: `http://127.0.0.1:${server.address().port}/token`,
        OAUTH_CLIENT_ID: 'client',
        OAUTH_CLIENT_SECRET: 'secret of the client',
        OAUTH_REFRESH_TOKEN_FILE: file,
      },
    });
    const [[code], errors] = await Promise.all([once(child, 'exit'), text(child.stderr)]);
    return { code, errors };
  };
  try {
    await writeFile(file, 'refresh-0');
    for (const [posts, rotated] of [
      [2, 'refresh-2'],
      [3, 'refresh-3'],
    ]) {
      assert.deepEqual(await run(), { code: 0, errors: '' });
      assert.deepEqual([await readFile(file, 'utf8'), (await stat(file)).mode & 0o777], [rotated, 0o600]);
      assert.equal(portal.control('posts'), posts);
    }
    // A spent one, as a second program would have it.
    await writeFile(file, 'refresh-0');
    const { code, errors } = await run();
    assert.equal(code, 1);
    assert.match(errors, /ConfigError: No access token could be had: accessToken threw Error/);
    assert.match(errors, /the token server answered 400/);
    assert.doesNotMatch(errors, /refresh-\d/);
    assert.equal(await readFile(file, 'utf8'), 'refresh-0');
    assert.deepEqual(await readdir(folder), ['refresh-token']);
    assert.equal(portal.control('posts'), 3);
  } finally {
    server.close();
    await rm(folder, { recursive: true });
  }
});
