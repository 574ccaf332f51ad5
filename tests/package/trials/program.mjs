// The main job as a program that bundlers take: both entries of the package, no `await` at the top.
import assert from 'node:assert/strict';

import { InputError, PublishReport, publishFiles } from 'addepar-portal';
import { SimulatedPortal } from 'addepar-portal/testing';

async function main() {
  const portal = await SimulatedPortal.start({ files: { 37: [1] } });
  const options = { portalPublishing: 'publish', contactNotification: 'notify', client: portal.client() };
  const report = await publishFiles([37], options);
  assert.ok(report instanceof PublishReport && report.ok);
  await assert.rejects(publishFiles('37', options), InputError);
  assert.equal(portal.requests.length, 1);
  await portal.close();
  console.log('published');
}

main();
