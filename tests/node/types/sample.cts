// Compiled, not run: the same types from CommonJS.

import portal = require('addepar-portal');
import testing = require('addepar-portal/testing');

const client: portal.PortalClient = new portal.PortalClient({ baseUrl: 'http://127.0.0.1:1/api' });
const done: Promise<portal.PublishReport> = portal.publishFiles([37], {
  portalPublishing: 'use_contact_preference',
  contactNotification: 'notify',
  client,
});
void done.then((report) => report.failedContacts().contacts.get(4)?.[0]?.step === 'publish');
void testing.SimulatedPortal.start().then((simulated) => simulated.close());
