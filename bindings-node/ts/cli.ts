#!/usr/bin/env node
/**
 * The program `addepar-portal`, which is the core's.
 *
 * It runs on a thread of its own, so that this one can take the signals: what they mean, the core knows.
 */

import { native, type Program, type Refusal } from './native';

const SIGNALS: readonly NodeJS.Signals[] =
  process.platform === 'win32' ? ['SIGINT', 'SIGBREAK', 'SIGHUP'] : ['SIGINT', 'SIGTERM', 'SIGHUP'];

// oxlint-disable-next-line prefer-const -- the handlers have to be there before the program is
let program: Program | Refusal;

function take(signal: NodeJS.Signals): void {
  if (program instanceof native.Refusal || !program.interrupt(signal === 'SIGHUP')) {
    // It ends as a program without a handler would.
    process.off(signal, take);
    process.kill(process.pid, process.platform === 'win32' ? 'SIGTERM' : signal);
  }
}

function ignore(): void {}

for (const signal of SIGNALS) {
  // Node has ended the ignoring that `nohup` began.
  process.on(signal, signal === 'SIGHUP' && native.hangUpIsIgnored() ? ignore : take);
}

program = native.Program.start(process.argv.slice(2), (status) => {
  process.exitCode = status;
});
if (program instanceof native.Refusal) {
  process.stderr.write(`addepar-portal: ${program.message}\n`);
  process.exitCode = 2;
}
