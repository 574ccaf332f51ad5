// Publishes the files named on the command line; settings come from the environment (ADDEPAR_...).
//
//   node publish.mjs 37 38

import { publishFiles } from 'addepar-portal';

const report = await publishFiles(process.argv.slice(2), {
  portalPublishing: 'publish',
  contactNotification: 'do_not_notify',
});
for (const file of report) {
  console.log(file.fileId, file.state, ...file.errors.map((error) => error.detail));
}
process.exitCode = report.ok ? 0 : 1;
