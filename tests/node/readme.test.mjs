// What the README and the examples show, executed.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
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

const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
for (const [index, [, block]] of [...readme.matchAll(/```js\n(.*?)```/gs)].entries()) {
  test(`the README's block ${index + 1}`, async () => {
    assert.match(await run(['--input-type=module', '-'], block), /37/);
  });
}

// credentials.test.mjs runs the one that needs a token server.
for (const name of readdirSync(EXAMPLES).filter((each) => each !== 'oauth.mjs')) {
  test(`the example ${name}`, async () => {
    assert.notEqual(await run([join(EXAMPLES, name), '37', '38']), '');
  });
}
