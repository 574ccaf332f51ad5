// What a service answers over HTTP when a publication did not end well. `fastify.mjs` and `express.mjs` use it.
//
// Clients, gateways and meshes repeat what was answered with 502, 503 or 504. So 503 is only for a call of which nothing was
// processed; whatever may have been published is 500 or 409, which nobody repeats by himself.

import { PortalError } from 'addepar-portal';

/** The status, headers and body for an error; an error of somebody else's is 500. */
export function answerTo(error) {
  if (!(error instanceof PortalError)) {
    return { status: 500, headers: {}, body: { error: 'internal error' } };
  }
  const { code, outcome, counts, firstFileIds, retryAfterMs } = error;
  const headers = retryAfterMs ? { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) } : {};
  // Messages name paths and quote servers: callers see those about their own values, the log has the others.
  const message = code === 'ERR_INPUT' ? error.message : undefined;
  return { status: statusOf(error), headers, body: { code, outcome, message, counts, firstFileIds } };
}

function statusOf({ code, reason, outcome, report, undecided }) {
  switch (code) {
    case 'ERR_INPUT':
      return 400;
    case 'ERR_ALREADY_SENT':
      return 409;
    case 'ERR_JOURNAL':
      // In use by another call, waiting for a person, or of another list; otherwise somebody has to look at the disk.
      return ['busy', 'undecided', 'other_run', 'too_early'].includes(reason) ? 409 : 500;
    case 'ERR_CONNECT':
    case 'ERR_RATE_LIMITED':
    case 'ERR_STOPPED':
      // Stopped after the last request: nothing is left to be sent.
      if (report?.settled) return 200;
      return outcome === 'not_processed' && undecided.length === 0 ? 503 : 500;
    case 'ERR_REJECTED':
    case 'ERR_PERMISSION_DENIED':
      // Addepar refused these files, or this firm's key may not publish them: the same request ends the same way.
      return outcome === 'not_processed' ? 422 : 500;
    default:
      // ERR_OUTCOME_UNKNOWN: nobody may repeat it. ERR_CONFIG and ERR_AUTHENTICATION: the service's own settings.
      return 500;
  }
}
