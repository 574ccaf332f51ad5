// The examples, executed. docs.test.mjs runs the code of the README and of the guide.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { SimulatedPortal } from 'addepar-portal/testing';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const EXAMPLES = join(ROOT, 'examples', 'node');

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

test('the example service.mjs answers at once and publishes one list after the other', async () => {
  const portal = await SimulatedPortal.start({ delayMs: 50 });
  const journals = mkdtempSync(join(tmpdir(), 'addepar-portal-'));
  const environment = { ...process.env, ...portal.environ() };
  const service = spawn(process.execPath, [join(EXAMPLES, 'service.mjs'), journals], { cwd: ROOT, env: environment });
  try {
    const url = (await once(service.stdout, 'data')).toString().trim();
    const post = async (ids) => {
      const answer = await fetch(`${url}/publications`, { method: 'POST', body: JSON.stringify({ fileIds: ids }) });
      return { status: answer.status, location: answer.headers.get('location'), body: await answer.json() };
    };
    const [first, second] = [await post([37, 38]), await post([39])];
    assert.deepEqual([first.status, second.status], [202, 202]);
    assert.deepEqual((await post('37')).status, 400);
    let publication;
    do {
      publication = await (await fetch(`${url}${second.location}`)).json();
    } while (['waiting', 'running'].includes(publication.state));
    assert.equal(publication.state, 'done');
    assert.deepEqual(publication.report.files.map((file) => file.state), ['ok']);
    assert.equal(publication.progress.succeeded, 1);
    assert.deepEqual(portal.requests.map((request) => request.body.data.attributes.files_id), [[37, 38], [39]]);
    assert.equal(readdirSync(journals).filter((name) => name.endsWith('.jsonl')).length, 2);
    service.kill('SIGTERM');
    assert.deepEqual(await once(service, 'exit'), [0, null]);
  } finally {
    service.kill();
    await portal.close();
  }
});

// credentials.test.mjs runs the one that needs a token server, services.test.mjs those with frameworks.
const OTHERS = new Set(['service.mjs', 'oauth.mjs', 'answers.mjs', 'express.mjs', 'fastify.mjs', 'statements.mjs']);
for (const name of readdirSync(EXAMPLES).filter((file) => !OTHERS.has(file) && !/\.(test|spec)\./.test(file))) {
  test(`the example ${name}`, async () => {
    assert.notEqual(await run([join(EXAMPLES, name), '37', '38']), '');
  });
}
