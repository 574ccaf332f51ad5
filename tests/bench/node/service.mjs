// What a service meets: 200 calls at once on the event loop, as in ../python/service.py.
//
//   node service.mjs CONTENDER URL

import { setTimeout as sleep } from 'node:timers/promises';

import { CONTENDERS } from './contenders.mjs';
import { LOOKS } from './looks.mjs';
import { peakMemory, show } from './process.mjs';

const [CALLS, FILES, TICK] = [200, 100, 1];
const [name, url] = process.argv.slice(2);
const { open, shape } = CONTENDERS[name];
const publish = await open(url);
const fileIds = Array.from({ length: FILES }, (_, index) => index + 1);
const calls = () => Promise.all(Array.from({ length: CALLS }, async () => LOOKS[shape](await publish(fileIds))));

const stop = new AbortController();

/** How much later than it should have, a timer came at worst, in seconds. */
async function longestStall() {
  let longest = 0;
  while (!stop.signal.aborted) {
    const asleep = performance.now();
    await sleep(TICK);
    longest = Math.max(longest, performance.now() - asleep - TICK);
  }
  return longest / 1e3;
}

await calls();
const stall = longestStall();
const [before, started] = [process.cpuUsage(), performance.now()];
const read = await calls();
const time = (performance.now() - started) / 1e3;
const { user, system } = process.cpuUsage(before);
stop.abort();
show(read);
show({ time, cpu: (user + system) / 1e6, stall: await stall, memory: peakMemory() });
process.exit();
