/** Drives one publish: the addon runs its turns, JavaScript answers between them. */

import { shown, typeName } from './ids';
import { type Call, type Failure, native, type Wakeups } from './native';
import { type PublishReport, reportOf, withReport } from './report';

/** Whoever is asked for an access token. */
export type TokenCallable = () => string | Promise<string>;

/** How a call ends: with a report, or by throwing. Called where the caller's line is on the stack. */
type Ending = () => PublishReport;

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
  const ending = await (signal ? unlessAborted(driven, call, number, signal) : driven);
  return ending();
}

function unlessAborted(driven: Promise<Ending>, call: Call, number: number, signal: AbortSignal): Promise<Ending> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      const failure = call.abandon();
      takeOff(number);
      resolve(() => {
        throw failure ? lost(failure, signal.reason) : signal.reason;
      });
    };
    signal.addEventListener('abort', abort, { once: true });
    void driven.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** The error of a call that had gone out; whoever swallows it leaves a trace all the same. */
function lost(failure: Failure, reason: unknown): Error {
  const error = withReport(failure, reason);
  process.emitWarning(error.message, 'AddeparPortalWarning');
  return Object.defineProperty(error, 'name', { value: 'AbortError', configurable: true, writable: true });
}

async function drive(
  call: Call,
  number: number,
  accessToken: TokenCallable | undefined,
  signal: AbortSignal | undefined,
): Promise<Ending> {
  let cause: unknown;
  for (;;) {
    await turn(call, number);
    const result = call.takeResult();
    if (result) {
      return () => reportOf(result, cause);
    }
    try {
      const token: unknown = await accessToken?.();
      if (typeof token !== 'string') {
        throw new TypeError(`accessToken gave ${typeName(token)} in the place of a string`);
      }
      call.provideToken(token);
    } catch (error) {
      cause = error;
      call.refuseToken(error instanceof Error ? error.message : shown(error));
    }
    signal?.throwIfAborted();
  }
}

/** Runs until the call is over or wants a token. */
function turn(call: Call, number: number): Promise<void> {
  const door = (wakeups ??= new native.Wakeups((paused) => takeOff(paused)?.()));
  return new Promise((resolve) => {
    underWay.set(number, resolve);
    door.hold(true);
    const failure = call.run(door, number);
    if (failure) {
      takeOff(number);
      throw withReport(failure);
    }
  });
}

/** Takes a call off the list; the process may end once the list is empty. */
function takeOff(number: number): (() => void) | undefined {
  const resume = underWay.get(number);
  underWay.delete(number);
  wakeups?.hold(underWay.size > 0);
  return resume;
}
