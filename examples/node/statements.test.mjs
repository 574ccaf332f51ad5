// Tests of a caller's code with node:test, against the simulated portal: no mock of HTTP sees a native socket.
//
//   node --test statements.test.mjs

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import { SimulatedPortal } from 'addepar-portal/testing';

import { publishStatements } from './statements.mjs';

// Or the journals of the tests would stand beside those of real calls.
delete process.env.ADDEPAR_JOURNAL_DIR;

let portal;
beforeEach(async () => {
  portal = await SimulatedPortal.start({ files: { 37: [1, 2], 38: [3] } });
});
afterEach(() => portal.close());

test('a file that failed for some contact is returned', async () => {
  portal.failPublish(38, [3]);
  assert.deepEqual(await publishStatements([37, 38], portal.client()), [38]);
  assert.deepEqual(portal.published(37), [1, 2]);
});

test('files whose outcome is unknown are returned, and not sent again', async () => {
  portal.nextFault('close_before_answer');
  assert.deepEqual(await publishStatements([37, 38], portal.client()), [37, 38]);
  assert.equal(portal.requests.length, 1);
});

test('code that makes its own client finds the portal through the environment', async () => {
  const environ = portal.environ();
  const saved = Object.keys(environ).map((name) => [name, process.env[name]]);
  Object.assign(process.env, environ);
  try {
    assert.deepEqual(await publishStatements([37]), []);
  } finally {
    for (const [name, value] of saved) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
});
