// What a client that nobody uses holds after 100 calls at once: descriptors, and threads beyond one.
//
//   node idle.mjs URL

import { setTimeout as sleep } from 'node:timers/promises';

import { CONTENDERS } from './contenders.mjs';
import { open, show } from './process.mjs';

const CALLS = 100;
// What a client keeps for another call is gone by then.
const PATIENCE = 3000;

// With it, everything of Node's own is there that a timer needs.
await sleep(1);
const before = open();
const publish = await CONTENDERS['addepar-portal'].open(process.argv[2]);
await Promise.all(Array.from({ length: CALLS }, () => publish([1])));
await sleep(PATIENCE);
const after = open();
const descriptors = after.descriptors - before.descriptors;
show({ descriptors, threads: Math.max(0, after.threads - before.threads - 1) });
process.exit();
