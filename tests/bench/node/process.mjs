// What this process uses. As a program: what a bare interpreter uses.

import { existsSync, readdirSync, readFileSync } from 'node:fs';

export function show(what) {
  console.log(JSON.stringify(what));
}

/** In bytes. `maxRSS` would have the peak of the process that started this one. */
export function peakMemory() {
  if (!existsSync('/proc/self/status')) return process.resourceUsage().maxRSS * 1024;
  return Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
}

/** Descriptors and threads, on Linux. */
export function open() {
  return { descriptors: readdirSync('/proc/self/fd').length, threads: readdirSync('/proc/self/task').length };
}

if (import.meta.filename === process.argv[1]) show({ memory: peakMemory() });
