// Scripts in processes and worker threads of their own, pointed at a simulated portal.

import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

/** Source text: the modes that scripts publish with. */
export const MODES = `{ portalPublishing: 'publish', contactNotification: 'do_not_notify' }`;
/** Source text: how scripts load the package. */
export const REQUIRE = `const { publishFiles, PortalClient } = require('addepar-portal');`;

/** Starts a script in a process of its own; `ended` tells how it ends. */
export function startScript(portal, script, ...flags) {
  const child = spawn(process.execPath, [...flags, '--eval', script], {
    env: { ...process.env, ...portal.environ() },
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    stdio: ['ignore', 'pipe', 'pipe'],
    // What hangs is killed.
    timeout: 120_000,
    killSignal: 'SIGKILL',
  });
  const exit = new Promise((resolve) => child.on('exit', (code, signal) => resolve([code, signal])));
  const ended = Promise.all([exit, text(child.stdout), text(child.stderr)]).then(([[code, signal], output, errors]) => ({
    code,
    signal,
    output,
    errors,
  }));
  return { child, ended };
}

/** Runs a script to its end. */
export function runScript(portal, script, ...flags) {
  return startScript(portal, script, ...flags).ended;
}

/** Starts a script in a worker thread. */
export function startWorker(portal, script) {
  return new Worker(script, { eval: true, env: { ...process.env, ...portal.environ() } });
}

/** Waits until so many POSTs have arrived at the portal, each to its end. */
export async function posted(portal, count) {
  await until(() => portal.requests.filter(({ method, complete }) => method === 'POST' && complete).length >= count);
}

/** Waits until something is so, however long that takes. */
export async function until(condition) {
  while (!condition()) {
    await sleep(5);
  }
}

/** Source text: says something to the test, which sees a GET of that path arrive at the portal. */
export const SAY = `const say = (path) => fetch(process.env.ADDEPAR_BASE_URL + path).then(() => {}, () => {});`;

/** Waits until a script has said something. */
export async function said(portal, path) {
  await until(() => portal.requests.some((request) => request.method === 'GET' && request.path.endsWith(path)));
}
