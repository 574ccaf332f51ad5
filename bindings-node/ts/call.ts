/** Drives one publish: the addon runs its turns, JavaScript answers between them. */

import { parse } from './json';
import { type Call, type Failure, native, type Report, type Wakeups } from './native';
import { withReport } from './report';
import type { Progress, ProgressCallable } from './request';
import { milliseconds, type ProgressJSON } from './wire';
import { thrownName, typeName } from './words';

/** A function that returns an access token. */
export type TokenCallable = () => string | Promise<string>;

/**
 * Receives what calls do: `console`, or a logger such as pino or winston. One line at info
 * level when a request goes out, one when it ends, one for each wait; no secret, and files' ids at
 * debug level only. Dropped requests are warned of. A logger that fails, or whose promise rejects,
 * costs nobody a result: Node warns of it.
 */
export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
}

/** What a client brings along for each of its calls. */
export interface Host {
  readonly accessToken: TokenCallable | undefined;
  readonly logger: Logger | undefined;
}

/** What the addon says at the end of a call that succeeds. */
type Result = Report | string;

/** How a call ends: with a result, or by throwing. Called where the caller's line is on the stack. */
type Ending<T> = () => T;

/** The calls that are under way. */
const pending = new Set<Call<Result>>();
/** What goes on once the turn of a call, by its number, is over. */
const turns = new Map<number, () => void>();
let wakeups: Wakeups | undefined;
let lastNumber = 0;

/** Runs a call to its end, or until the signal ends it, and reads its result. Meanwhile the process stays alive. */
export async function finish<T extends Result>(
  call: Call<T>,
  host: Host,
  signal: AbortSignal | undefined,
  onProgress?: ProgressCallable,
): Promise<T> {
  const door = (wakeups ??= new native.Wakeups(wake));
  pending.add(call);
  if (pending.size === 1) {
    door.hold(true);
    process.on('exit', forsakeAll);
  }
  try {
    const number = (lastNumber = (lastNumber + 1) >>> 0);
    const start = (): Promise<Ending<T>> => drive(call, number, door, host, signal, onProgress);
    const ending = await (signal ? unlessAborted(start, call, number, host, signal) : start());
    return ending();
  } finally {
    call.settle();
    pending.delete(call);
    if (pending.size === 0) {
      door.hold(false);
      process.off('exit', forsakeAll);
    }
  }
}

function wake(number: number): void {
  turns.get(number)?.();
  turns.delete(number);
}

function forsakeAll(): void {
  for (const call of pending) {
    call.forsake();
  }
}

/** Listens before it starts: a signal that cannot be listened to must not cost anybody the outcome. */
function unlessAborted<T extends Result>(
  start: () => Promise<Ending<T>>,
  call: Call<T>,
  number: number,
  host: Host,
  signal: AbortSignal,
): Promise<Ending<T>> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      if (!call.interrupt()) {
        turns.delete(number);
        resolve(() => ended(call, host, signal, undefined));
      }
    };
    const stopListening = listen(signal, abort);
    void start()
      .then(resolve, reject)
      .then(stopListening)
      .catch(ignore);
  });
}

/** A signal that fails after the outcome is known: nobody is told of that. */
function ignore(): void {}

/** The signal's reason, or what it throws instead. */
function reasonOf(signal: AbortSignal | undefined): unknown {
  try {
    return signal?.reason;
  } catch (error) {
    return error;
  }
}

/** The calls of each signal. They share one listener: Node warns of more than ten. */
const listening = new WeakMap<AbortSignal, { readonly ends: Set<() => void>; readonly listener: () => void }>();

/** Calls `end` when the signal is aborted, unless what is returned was called before. */
function listen(signal: AbortSignal, end: () => void): () => void {
  let calls = listening.get(signal);
  if (!calls) {
    const all = new Set<() => void>();
    calls = { ends: all, listener: () => all.forEach((each) => each()) };
    listening.set(signal, calls);
  }
  const { ends, listener } = calls;
  ends.add(end);
  signal.addEventListener('abort', listener, { once: true });
  return () => {
    ends.delete(end);
    if (ends.size === 0) {
      signal.removeEventListener('abort', listener);
    }
  };
}

/**
 * The result of a call, or its error. Where something of the host's ended it, what that threw, or the signal's reason, is
 * the error's cause; if nothing went out, it is thrown as it is.
 */
function ended<T extends Result>(
  call: Call<T>,
  { logger }: Host,
  signal: AbortSignal | undefined,
  failed: { readonly cause: unknown } | undefined,
): T {
  const isInterrupted = call.isInterrupted();
  const ending = call.ending();
  if (!isInterrupted && ending !== null) {
    return resultOf(ending);
  }
  const reason = failed ?? { cause: reasonOf(signal) };
  if (!(ending instanceof native.Failure)) {
    throw reason.cause;
  }
  const error = withReport(ending, reason);
  if (ending.isLoss()) {
    // If the error is swallowed, a warning is left all the same.
    tell(logger, 'warn', error.message);
  }
  throw failed ? error : aborted(error);
}

/** The result of an operation; a failure is thrown with its report. */
function resultOf<T extends Result>(ending: T | Failure): T {
  if (ending instanceof native.Failure) {
    throw withReport(ending);
  }
  return ending;
}

function aborted(error: Error): Error {
  return Object.defineProperty(error, 'name', { value: 'AbortError', configurable: true, writable: true });
}

/** Without a logger only warnings are told, by Node. */
function tell(logger: Logger | undefined, level: keyof Logger, message: string): void {
  if (logger) {
    log(logger, level, message);
  } else if (level === 'warn') {
    warn(message);
  }
}

/** A logger that fails, at once or later, must not cost anybody the outcome of a call. */
function log(logger: Logger, level: keyof Logger, message: string): void {
  const failed = (error: unknown): void => warn(`logger.${level} failed (${thrownName(error)}). ${message}`);
  try {
    const told: unknown = logger[level](message);
    if (typeof told === 'object' && told !== null) {
      // It may be a promise, of any kind.
      Promise.resolve(told).catch(failed);
    }
  } catch (error) {
    failed(error);
  }
}

function warn(message: string): void {
  try {
    process.emitWarning(message, 'AddeparPortalWarning');
  } catch {
    // A program may have put something else in its place; the error that is about to be thrown says it too.
  }
}

async function drive<T extends Result>(
  call: Call<T>,
  number: number,
  door: Wakeups,
  host: Host,
  signal: AbortSignal | undefined,
  onProgress: ProgressCallable | undefined,
): Promise<Ending<T>> {
  const { accessToken, logger } = host;
  call.watch(logger !== undefined);
  if (onProgress) {
    call.followProgress();
  }
  // What a callable of the caller threw or rejected with: the first, since that ends the call.
  let failed: { readonly cause: unknown } | undefined;
  const ask = async (): Promise<void> => {
    try {
      const token: unknown = await accessToken?.();
      if (typeof token !== 'string') {
        throw new TypeError(`accessToken gave ${typeName(token)} in the place of a string`);
      }
      call.provideToken(token);
    } catch (error) {
      failed ??= { cause: error };
      // The error's words stay out of ours: they may hold a secret.
      call.failToken(`accessToken threw ${thrownName(error)}`);
    }
  };
  for (;;) {
    await turn(call, number, door);
    for (const [level, message] of call.logRecords()) {
      tell(logger, level, message);
    }
    const progress = onProgress && call.progress();
    if (progress) {
      try {
        await onProgress(readProgress(parse(progress)));
      } catch (error) {
        if (!failed) {
          failed = { cause: error };
          call.interrupt();
        }
      }
    }
    if (!call.isOver() && call.wantsToken()) {
      // The call waits for it, and knows how long.
      void ask();
    }
    if (call.isOver()) {
      return () => ended(call, host, signal, failed);
    }
  }
}

function readProgress({ not_processed, waiting, ...counts }: ProgressJSON): Progress {
  return Object.freeze({ ...counts, notProcessed: not_processed, waitingMs: milliseconds(waiting) });
}

/** Runs until the call is over, wants a token or has something to tell. */
function turn(call: Call<Result>, number: number, door: Wakeups): Promise<void> {
  return new Promise((resolve) => {
    turns.set(number, resolve);
    call.run(door, number);
  });
}
