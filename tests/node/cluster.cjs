// A cluster whose primary and workers all publish; started by a test.
'use strict';

const cluster = require('node:cluster');
const { once } = require('node:events');

const { PortalClient } = require('addepar-portal');

const client = new PortalClient();

async function publish(first) {
  const modes = { portalPublishing: 'publish', contactNotification: 'do_not_notify' };
  const calls = Array.from({ length: 10 }, (_, index) => client.publishFiles([first + index], modes));
  const reports = await Promise.all(calls);
  return reports.every((report) => report.ok);
}

async function primary() {
  cluster.setupPrimary({ exec: __filename });
  const before = await publish(1);
  const workers = Array.from({ length: 4 }, () => cluster.fork());
  const ends = await Promise.all(workers.map((one) => once(one, 'exit')));
  console.log(before, ends.map(([code]) => code).join(), await publish(21));
}

async function worker() {
  const ok = await publish(100 * cluster.worker.id);
  process.exit(ok ? 0 : 1);
}

void (cluster.isPrimary ? primary() : worker());
