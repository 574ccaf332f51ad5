// How long the first two calls of a process take, in seconds, as in ../python/first_calls.py.
//
//   node first-calls.mjs per_call|kept URL

import { PortalClient, publishFiles } from 'addepar-portal';

import { LOOKS } from './looks.mjs';
import { show } from './process.mjs';

const [how, url] = process.argv.slice(2);
process.env.ADDEPAR_BASE_URL = url;
const client = how === 'kept' ? new PortalClient() : undefined;
const read = [];

async function call() {
  const started = performance.now();
  const modes = { portalPublishing: 'publish', contactNotification: 'do_not_notify' };
  read.push(LOOKS.report(await publishFiles([1], { ...modes, client })));
  return (performance.now() - started) / 1e3;
}

const took = { first: await call(), second: await call() };
show(read);
show(took);
