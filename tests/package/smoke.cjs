// The installed package, nothing else: one publish against the simulated portal, as CommonJS.
const assert = require('node:assert/strict');
const { publishFiles, InputError } = require('addepar-portal');
const { SimulatedPortal } = require('addepar-portal/testing');

async function main() {
  const portal = await SimulatedPortal.start({ files: { 37: [1, 2], 38: [3] } });
  portal.failNotify(37, [1]);
  const client = portal.client();
  const modes = { portalPublishing: 'publish', contactNotification: 'notify' };
  const report = await publishFiles([37, 38], { ...modes, client });
  assert.deepEqual([...report].map((file) => file.state), ['failed', 'ok']);
  await assert.rejects(publishFiles('37', { ...modes, client }), InputError);
  assert.equal(portal.requests.length, 1);
  const esm = await import('addepar-portal');
  assert.equal(typeof esm.publishFiles, 'function');
  await portal.close();
  console.log(`Node ${process.versions.node}: ok`);
}

main();
