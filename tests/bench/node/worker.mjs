// One contender in a process of its own: it takes turns when it is told to.
//
//   node worker.mjs CONTENDER URL COUNT
//
// What it is told and what it prints is as in ../python/worker.py.

import { createInterface } from 'node:readline';

import { CONTENDERS } from './contenders.mjs';
import { LOOKS } from './looks.mjs';
import { peakMemory, show } from './process.mjs';

const [name, url, count] = process.argv.slice(2);

/** The files of each request. */
function requests(total, most) {
  const starts = Array.from({ length: Math.ceil(total / most) }, (_, index) => index * most);
  return starts.map((start) => Array.from({ length: Math.min(most, total - start) }, (_, id) => start + id + 1));
}

function added(totals) {
  return totals.reduce((sums, some) => sums.map((sum, position) => sum + some[position]));
}

const { open, shape, most = 500 } = CONTENDERS[name];
const [publish, look] = [await open(url), LOOKS[shape]];
const files = requests(Number(count), most);

async function call() {
  if (files.length === 1) return look(await publish(files[0]));
  // All results are there at the end, as in a script that reports on them.
  const results = [];
  for (const some of files) results.push(await publish(some));
  return added(results.map(look));
}

show(await call());
for await (const line of createInterface(process.stdin)) {
  await call();
  const [calls, cpu, started] = [Number(line), process.cpuUsage(), performance.now()];
  for (let left = calls; left > 0; left -= 1) await call();
  const time = (performance.now() - started) / 1e3 / calls;
  const { user, system } = process.cpuUsage(cpu);
  show({ time, cpu: (user + system) / 1e6 / calls });
}
show({ memory: peakMemory() });
process.exit();
