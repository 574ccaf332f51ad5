// The main job against the simulated portal: the example of the API's page, and its partial failure.

import { publishFiles } from 'addepar-portal';
import { SimulatedPortal } from 'addepar-portal/testing';

function show(title, report) {
  console.log(`\n${title}\n${report}`);
  const { contacts, unreadable } = report.failedContacts();
  for (const [contact, failures] of contacts) {
    const told = failures.map(({ fileId, step }) => `${step} of file ${fileId}`).join(', ');
    console.log(`  contact ${contact} missed: ${told}`);
  }
  for (const fileId of unreadable) {
    console.log(`  file ${fileId} failed for unidentified contacts`);
  }
}

const contacts = { 37: [1, 2, 3], 38: [1, 2, 3, 4, 5], 39: [1] };
const portal = await SimulatedPortal.start({ files: contacts });
const client = portal.client();
console.log(`Node, simulated portal at ${portal.baseUrl}`);

const first = await publishFiles([37, 38, 39], {
  portalPublishing: 'publish',
  contactNotification: 'do_not_notify',
  client,
});
show('Publish three files, notify nobody:', first);

portal.failNotify(37, [1, 2, 3]);
portal.failPublish(38, [4, 5]);
portal.failNotify(38, [1, 2, 3]);
const second = await publishFiles([37, 38], { portalPublishing: 'publish', contactNotification: 'notify', client });
show('Publish two files and e-mail the clients; for some contacts it fails:', second);

console.log(`\nThe portal received ${portal.requests.length} requests and sent ${portal.outbox.length} e-mails.`);
await portal.close();
