// A whole script: publishes 100 files and says which failed. Credentials come from the environment.

import { PortalClient } from 'addepar-portal';

const fileIds = Array.from({ length: 100 }, (_, index) => index + 1);
const client = new PortalClient({ baseUrl: process.argv[2] });
const report = await client.publishFiles(fileIds, { portalPublishing: 'publish', contactNotification: 'do_not_notify' });
console.log(JSON.stringify(report.failed.map((file) => file.fileId)));
