// One call that meets a fault of tests/python/faults.py. Its settings come as JSON on the command line, what it
// ends in goes as JSON to standard output. The package is that of the working directory.

import { createRequire } from 'node:module';
import { join } from 'node:path';

const { PortalClient } = createRequire(join(process.cwd(), 'package.json'))('addepar-portal');

const [fileIds, { accessTokens, ...settings }] = JSON.parse(process.argv[2]);

async function publish() {
  const client = new PortalClient(accessTokens ? { ...settings, accessToken: () => accessTokens.shift() } : settings);
  return client.publishFiles(fileIds, { portalPublishing: 'publish', contactNotification: 'do_not_notify' });
}

function seen(outcome, error, report) {
  return { outcome, error, states: report?.files.map(({ state }) => state) ?? [], tries: report?.attempts.length ?? 0 };
}

const ended = await publish().then(
  (report) => seen(report.attempts.at(-1).outcome, '', report),
  ({ outcome, name, report }) => seen(outcome, name, report),
);
console.log(JSON.stringify(ended));
