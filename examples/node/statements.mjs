// Code of a caller, for the two tests beside it: `statements.test.mjs` for node:test, `statements.spec.mjs` for vitest.

import { OutcomeUnknownError, PortalClient } from 'addepar-portal';

/** Publishes statements; the files that a person has to look at, in Addepar. */
export async function publishStatements(fileIds, client = new PortalClient()) {
  try {
    const report = await client.publishFiles(fileIds, {
      portalPublishing: 'publish',
      contactNotification: 'use_contact_preference',
    });
    return report.files.flatMap(({ fileId, state }) => (state === 'ok' ? [] : fileId));
  } catch (error) {
    if (error instanceof OutcomeUnknownError) {
      return [...error.fileIds];
    }
    throw error;
  }
}
