// One contender in a process of its own: it takes turns when it is told to.
//
//   node worker.mjs CONTENDER URL COUNT LOOK
//
// What it is told and what it prints is as in ../python/worker.py.

import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

import { CONTENDERS } from './contenders.mjs';
import { LOOKS } from './looks.mjs';

const MOST = 500;
const [name, url, count, look] = process.argv.slice(2);

/** The files of each request. */
function requests(total) {
  const starts = Array.from({ length: Math.ceil(total / MOST) }, (_, index) => index * MOST);
  return starts.map((start) => Array.from({ length: Math.min(MOST, total - start) }, (_, id) => start + id + 1));
}

function added(totals) {
  return totals.reduce((sums, some) => sums.map((sum, position) => sum + some[position]));
}

function show(what) {
  console.log(JSON.stringify(what));
}

/** In bytes. `maxRSS` would have the peak of the process that started this one. */
function peakMemory() {
  if (!existsSync('/proc/self/status')) return process.resourceUsage().maxRSS * 1024;
  return Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
}

const { open, shape } = CONTENDERS[name];
const [publish, see] = [await open(url), LOOKS[look][shape]];
const files = requests(Number(count));

async function call() {
  if (files.length === 1) return see(await publish(files[0]));
  // All results are there at the end, as in a script that reports on them.
  const results = [];
  for (const some of files) results.push(await publish(some));
  return added(results.map(see));
}

show(await call());
for await (const line of createInterface(process.stdin)) {
  await call();
  const [cpu, started] = [process.cpuUsage(), performance.now()];
  for (let calls = Number(line); calls > 0; calls -= 1) await call();
  const seconds = (performance.now() - started) / 1e3;
  const { user, system } = process.cpuUsage(cpu);
  show([seconds, (user + system) / 1e6]);
}
show(peakMemory());
process.exit();
