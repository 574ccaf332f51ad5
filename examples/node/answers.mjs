// What a service answers over HTTP when a publication did not end well. `fastify.mjs` and `express.mjs` use it.
//
// Clients, gateways and meshes repeat what was answered with 502, 503 or 504. So 503 is only for a call of which nothing was
// processed; whatever may have been published is 500 or 409, which nobody repeats by himself.

import { isPortalError } from 'addepar-portal';

/** Why a service aborts its calls when it stops. A call that had not begun rejects with it, and sends nothing. */
export const SHUTDOWN = new Error('the service stops');

/** The body of an answer that says what became of every file. */
export function bodyOf({ ok, counts, files }) {
  return { ok, counts, files };
}

/** The status, headers and body for an error; an error of somebody else's is 500. */
export function answerTo(error) {
  if (error === SHUTDOWN) {
    return { status: 503, headers: { 'retry-after': '30' }, body: { outcome: 'not_processed', message: SHUTDOWN.message } };
  }
  if (!isPortalError(error)) {
    return { status: 500, headers: {}, body: { error: 'internal error' } };
  }
  if (error.code === 'ERR_STOPPED' && error.report?.settled) {
    // Stopped after the last request: nothing is left to be sent.
    return { status: 200, headers: {}, body: bodyOf(error.report) };
  }
  const { code, reason, outcome, counts, firstFileIds, retryAfterMs } = error;
  const headers = retryAfterMs ? { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) } : {};
  // Messages name paths and quote servers: callers see those about their own values, the log has the others.
  const message = code === 'ERR_INPUT' ? error.message : undefined;
  return { status: statusOf(error), headers, body: { code, reason, outcome, message, counts, firstFileIds } };
}

function statusOf({ code, reason, outcome, undecided }) {
  switch (code) {
    case 'ERR_INPUT':
      return 400;
    case 'ERR_ALREADY_SENT':
      return 409;
    case 'ERR_JOURNAL':
      // In use by another call, waiting for a person, of another list, or not of what is asked of it; otherwise somebody has
      // to look at the disk.
      if (reason === 'refused') return 422;
      return ['busy', 'undecided', 'other_run', 'outdated', 'too_early'].includes(reason) ? 409 : 500;
    case 'ERR_CONNECT':
    case 'ERR_RATE_LIMITED':
    case 'ERR_STOPPED':
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
