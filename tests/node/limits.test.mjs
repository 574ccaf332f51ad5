// No descriptor or thread to be had: an error of this package in time, never a panic, never a call without an end.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { SimulatedPortal } from 'addepar-portal/testing';

import { MODES, REQUIRE } from './script.mjs';

const skip = existsSync('/proc/self/fd') ? false : 'this system does not list descriptors';
const skipThreads =
  skip || (spawnSync('prlimit', ['--version']).status === 0 ? false : 'there is no prlimit to take threads away with');

/** Runs a script in a process that may have so many descriptors. Its first line is handed to `meanwhile`. */
async function run(portal, script, meanwhile = () => {}) {
  const command = `ulimit -n 128 && exec "$@"`;
  const child = spawn('/bin/sh', ['-c', command, 'sh', process.execPath, '--eval', script], {
    env: { ...process.env, ...portal.environ() },
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 100_000,
    killSignal: 'SIGKILL',
  });
  child.stdout.once('data', () => meanwhile(child.pid));
  const exit = new Promise((resolve) => child.on('exit', (code, signal) => resolve(code ?? signal)));
  const [code, output, errors] = await Promise.all([exit, text(child.stdout), text(child.stderr)]);
  assert.doesNotMatch(errors, /panic/);
  assert.equal(code, 0, errors);
  return output.trim().split('\n');
}

const TELL = `${REQUIRE}
  const fs = require('node:fs');
  async function tell(settings) {
    let told;
    try {
      const client = new PortalClient({ timeoutMs: 20_000, ...settings });
      told = (await client.publishFiles([37], ${MODES})).files[0].state;
    } catch (error) {
      told = \`\${error.name} \${error.outcome}: \${error.message}\`;
    }
    console.log(told);
    return told;
  }
  const local = { baseUrl: process.env.ADDEPAR_BASE_URL.replace('127.0.0.1', 'localhost') };`;

const assertOurs = (line) => assert.match(line, /^(ConfigError|ConnectError) not_processed: .*Nothing was sent/);

for (const where of ['{}', 'local']) {
  test(`no descriptor, ${where === 'local' ? 'a name' : 'an address'}`, { skip }, async () => {
    const portal = await SimulatedPortal.start();
    // With no descriptor, then with one, and so on until it works.
    const lines = await run(
      portal,
      `${TELL}
      (async () => {
        const held = [];
        try {
          for (;;) held.push(fs.openSync('/dev/null'));
        } catch {}
        while ((await tell(${where})) !== 'ok') fs.closeSync(held.pop());
      })();`,
    );
    assert.equal(lines.pop(), 'ok');
    assert(lines.length > 2);
    lines.forEach(assertOurs);
    assert.equal(portal.control('posts'), 1);
    await portal.close();
  });
}

for (const first of ['warm', 'cold']) {
  test(`no thread, ${first}`, { skip: skipThreads }, async () => {
    const portal = await SimulatedPortal.start();
    const lines = await run(
      portal,
      `${TELL}
      (async () => {
        ${first === 'warm' ? 'await tell();' : "console.log('ok');"}
        while (!/^Max processes +1 /m.test(fs.readFileSync('/proc/self/limits', 'utf8'))) {
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        // Root may have as many as it likes.
        if (process.getuid() === 0) process.setuid(65534);
        await tell(local);
      })();`,
      (pid) => spawnSync('prlimit', ['--pid', String(pid), '--nproc=1:1']),
    );
    assert.equal(lines.length, 2);
    assert.equal(lines[0], 'ok');
    assertOurs(lines[1]);
    await portal.close();
  });
}
