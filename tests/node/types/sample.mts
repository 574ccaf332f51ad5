// Compiled, not run. Each line after @ts-expect-error must be an error.

import {
  type FileState,
  OutcomeUnknownError,
  PortalClient,
  PortalError,
  type PortalPublishing,
  PublishReport,
  PublishRequest,
  publishFiles,
  RateLimitedError,
} from 'addepar-portal';
import { SimulatedPortal } from 'addepar-portal/testing';

const modes = { portalPublishing: 'publish', contactNotification: 'do_not_notify' } as const;

const client = new PortalClient({ firmName: 'examplefirm', environment: 'sandbox', accessToken: async () => 'token' });
const report: PublishReport = await client.publishFiles([37, '38', 39n], { ...modes, signal: AbortSignal.timeout(1000) });
await publishFiles(new Set([37]), { ...modes, client });
await publishFiles(BigInt64Array.of(37n), { ...modes, publishOverrideContactIds: [23] });

// @ts-expect-error both modes are required
await publishFiles([37], { portalPublishing: 'publish' });
// @ts-expect-error a mode that does not exist
await publishFiles([37], { ...modes, contactNotification: 'maybe' });
// @ts-expect-error a misspelt option
await publishFiles([37], { ...modes, signl: undefined });
// @ts-expect-error a string is no collection
await publishFiles('37', modes);
// @ts-expect-error it rounds ids to other ids
await publishFiles(Float32Array.of(37), modes);
// @ts-expect-error a setting that does not exist
void new PortalClient({ timeout: 90 });
// @ts-expect-error an environment that does not exist
void new PortalClient({ environment: 'staging' });

for (const file of report) {
  const state: FileState = file.state;
  const contacts: readonly number[] | null = file.contactsNotPublished;
  void [state, contacts];
  // @ts-expect-error immutable
  file.state = 'ok';
}

const failedOn: Date | null | undefined = report.attempts[0]?.sentAt;
const mode: PortalPublishing = new PublishRequest([37], modes).portalPublishing;
const again: PublishReport = PublishReport.fromJSON(report.toJSON()).raiseForFailures();
void [failedOn, mode, again];

try {
  await client.publishFiles([37], modes);
} catch (error) {
  if (error instanceof OutcomeUnknownError) {
    const code: 'ERR_OUTCOME_UNKNOWN' = error.code;
    const ids: readonly number[] = error.fileIds;
    void [code, ids];
  } else if (error instanceof RateLimitedError) {
    const wait: number | null = error.retryAfterMs;
    void wait;
  } else if (error instanceof PortalError) {
    const status: number | null = error.httpStatus;
    void status;
    // @ts-expect-error web frameworks would answer with it
    void error.statusCode;
  }
}

const portal = await SimulatedPortal.start({ files: { 37: [1, 2] }, emails: 'per_call' });
portal.nextFault('rate_limited', { retryAfter: '1' });
const contacts: number[] = portal.published(37);
void [contacts, portal.client({ timeoutMs: 1000 })];
await portal[Symbol.asyncDispose]();
