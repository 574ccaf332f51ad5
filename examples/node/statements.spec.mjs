// Tests of a caller's code with vitest, against the simulated portal: no mock of HTTP sees a native socket.
//
//   npx vitest run statements.spec.mjs

import { SimulatedPortal } from 'addepar-portal/testing';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { publishStatements } from './statements.mjs';

// Or the journals of the tests would stand beside those of real calls.
delete process.env.ADDEPAR_JOURNAL_DIR;

let portal;
beforeEach(async () => {
  portal = await SimulatedPortal.start({ files: { 37: [1, 2], 38: [3] } });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await portal.close();
});

test('a file that failed for some contact is returned', async () => {
  portal.failPublish(38, [3]);
  expect(await publishStatements([37, 38], portal.client())).toEqual([38]);
  expect(portal.published(37)).toEqual([1, 2]);
});

test('files whose outcome is unknown are returned, and not sent again', async () => {
  portal.nextFault('close_before_answer');
  expect(await publishStatements([37, 38], portal.client())).toEqual([37, 38]);
  expect(portal.requests).toHaveLength(1);
});

test('code that makes its own client finds the portal through the environment', async () => {
  for (const [name, value] of Object.entries(portal.environ())) {
    vi.stubEnv(name, value);
  }
  expect(await publishStatements([37])).toEqual([]);
});
