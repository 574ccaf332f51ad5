// Publishes the files named on the command line; settings come from the environment (ADDEPAR_...).
//
//   node publish.mjs 37 38

import { isPortalError, publishFiles } from 'addepar-portal';

try {
  const report = await publishFiles(process.argv.slice(2), {
    portalPublishing: 'publish',
    contactNotification: 'do_not_notify',
  });
  for (const file of report) {
    console.log(file.fileId, file.state, ...file.errors.map((error) => error.detail));
  }
  process.exitCode = report.ok ? 0 : 1;
} catch (error) {
  if (!isPortalError(error)) throw error;
  // It says what became of the files and what to do; of many files it names the first ones.
  console.error(`${error.code}: ${error.message}`);
  if (error.undecided.length > 0) console.error(`Files to check: ${error.undecided.join(', ')}`);
  process.exitCode = 1;
}
