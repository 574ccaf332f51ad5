/** Drives one publish: the addon runs its turns, JavaScript answers between them. */

import { errorOf } from './errors';
import { shown, typeName } from './ids';
import { type Call, native, type Wakeups } from './native';
import { PublishReport, reportOf } from './report';

/** Whoever is asked for an access token. */
export type TokenCallable = () => string | Promise<string>;

/** Calls whose turn is under way: they keep the process alive. */
const underWay = new Map<number, () => void>();
let wakeups: Wakeups | undefined;
let lastNumber = 0;

/** Runs a call to its end, or until the signal ends it. */
export async function finish(
  call: Call,
  accessToken: TokenCallable | undefined,
  signal: AbortSignal | undefined,
): Promise<PublishReport> {
  const number = (lastNumber = (lastNumber + 1) >>> 0);
  const driven = drive(call, number, accessToken, signal);
  if (!signal) {
    return await driven;
  }
  let abort = (): void => {};
  const aborted = new Promise<ReturnType<Call['abandon']>>((resolve) => {
    abort = () => {
      resolve(call.abandon());
      end(number);
    };
  });
  signal.addEventListener('abort', abort, { once: true });
  try {
    const ended = await Promise.race([driven, aborted]);
    if (ended instanceof PublishReport) {
      return ended;
    }
    throw ended ? lost(ended, signal.reason) : signal.reason;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

async function drive(
  call: Call,
  number: number,
  accessToken: TokenCallable | undefined,
  signal: AbortSignal | undefined,
): Promise<PublishReport> {
  let cause: unknown;
  for (;;) {
    await turn(call, number);
    const result = call.takeResult();
    if (result) {
      return reportOf(result, cause);
    }
    try {
      const token: unknown = await accessToken?.();
      signal?.throwIfAborted();
      if (typeof token !== 'string') {
        throw new TypeError(`accessToken returned ${typeName(token)}, not a string`);
      }
      call.provideToken(token);
    } catch (error) {
      signal?.throwIfAborted();
      cause = error;
      call.refuseToken(error instanceof Error ? error.message : shown(error));
    }
  }
}

/** Runs until the call is over or wants a token. */
async function turn(call: Call, number: number): Promise<void> {
  wakeups ??= new native.Wakeups((paused) => end(paused)?.());
  const { promise, resolve } = withResolvers();
  underWay.set(number, resolve);
  wakeups.hold(true);
  const failure = call.run(wakeups, number);
  if (failure) {
    end(number);
    reportOf(failure);
  }
  await promise;
}

/** Takes a call off the list; the process may end once the list is empty. */
function end(number: number): (() => void) | undefined {
  const resume = underWay.get(number);
  underWay.delete(number);
  wakeups?.hold(underWay.size > 0);
  return resume;
}
