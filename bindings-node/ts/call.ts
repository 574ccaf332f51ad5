/** Drives one publish: the addon runs its turns, JavaScript answers between them. */

import { StoppedError } from './errors';
import { thrownName, typeName } from './ids';
import { type Call, type Failure, native, type Report, type Wakeups } from './native';
import { type PublishReport, reportOf, withReport } from './report';
import type { Progress, ProgressCallable } from './request';
import { milliseconds, type ProgressJSON } from './wire';

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

/** How a call ends: with a report, or by throwing. Called where the caller's line is on the stack. */
type Ending = () => PublishReport;

/** The calls that are under way. */
const pending = new Set<Call>();
/** What goes on once the turn of a call, by its number, is over. */
const turns = new Map<number, () => void>();
let wakeups: Wakeups | undefined;
let lastNumber = 0;

/** Runs a call to its end, or until the signal ends it. Meanwhile the process stays alive. */
export async function finish(
  call: Call,
  host: Host,
  signal: AbortSignal | undefined,
  onProgress?: ProgressCallable,
): Promise<PublishReport> {
  const door = (wakeups ??= new native.Wakeups(wake));
  pending.add(call);
  if (pending.size === 1) {
    door.hold(true);
    process.on('exit', forsakeAll);
  }
  try {
    const number = (lastNumber = (lastNumber + 1) >>> 0);
    const start = (): Promise<Ending> => drive(call, number, door, host, signal, onProgress);
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
function unlessAborted(
  start: () => Promise<Ending>,
  call: Call,
  number: number,
  host: Host,
  signal: AbortSignal,
): Promise<Ending> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      if (call.isBatch()) {
        call.stop();
        return;
      }
      const failure = call.abandon();
      turns.delete(number);
      resolve(() => {
        throw failure ? lost(failure, host, signal.reason) : signal.reason;
      });
    };
    const stopListening = listen(signal, abort);
    void start().then(resolve, reject).finally(stopListening);
  });
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

/** The error of a call that had gone out; if it is swallowed, a warning is left all the same. */
function lost(failure: Failure, { logger }: Host, reason: unknown): Error {
  const error = withReport(failure, { cause: reason });
  if (logger) {
    log(logger, 'warn', error.message);
  } else {
    warn(error.message);
  }
  return aborted(error);
}

function aborted(error: Error): Error {
  return Object.defineProperty(error, 'name', { value: 'AbortError', configurable: true, writable: true });
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
  process.emitWarning(message, 'AddeparPortalWarning');
}

async function drive(
  call: Call,
  number: number,
  door: Wakeups,
  { accessToken, logger }: Host,
  signal: AbortSignal | undefined,
  onProgress: ProgressCallable | undefined,
): Promise<Ending> {
  if (logger) {
    call.watch();
  }
  if (onProgress) {
    call.followProgress();
  }
  // What a callable of the caller threw or rejected with: the first, since that ends the call.
  let failed: { readonly cause: unknown } | undefined;
  for (;;) {
    await turn(call, number, door);
    if (logger) {
      for (const [level, message] of call.notes()) {
        log(logger, level, message);
      }
    }
    const progress = onProgress && call.progress();
    if (progress) {
      try {
        await onProgress(readProgress(JSON.parse(progress)));
      } catch (error) {
        failed ??= { cause: error };
        call.stop();
      }
    }
    const result = call.result();
    if (result) {
      return () => reported(result, signal, failed);
    }
    if (!call.wantsToken()) {
      continue;
    }
    try {
      const token: unknown = await accessToken?.();
      if (typeof token !== 'string') {
        throw new TypeError(`accessToken gave ${typeName(token)} in the place of a string`);
      }
      call.provideToken(token);
    } catch (error) {
      failed ??= { cause: error };
      // The error's words stay out of ours: they may hold a secret.
      call.refuseToken(`accessToken threw ${thrownName(error)}`);
    }
    if (!call.isBatch()) {
      signal?.throwIfAborted();
    }
  }
}

/** The report of a call, or its error, with what a callable of the caller threw as the cause. */
function reported(
  result: Report | Failure,
  signal: AbortSignal | undefined,
  failed: { readonly cause: unknown } | undefined,
): PublishReport {
  if (result instanceof native.Failure && result.className === 'StoppedError' && signal?.aborted) {
    throw aborted(withReport(result, failed ?? { cause: signal.reason }));
  }
  const report = reportOf(result, failed);
  if (failed) {
    throw completed(report, failed);
  }
  return report;
}

/** The error of a batch that had nothing left to stop when `onProgress` failed. */
function completed(report: PublishReport, failed: { readonly cause: unknown }): Error {
  const [summary] = report.toString().split('\n', 1);
  const message = `onProgress failed (${thrownName(failed.cause)}) after the batch had ended: ${summary}. The report has the state of each file.`;
  const outcome = report.unknown.length > 0 ? 'unknown' : 'processed';
  return new StoppedError({ code: 'ERR_STOPPED', message, outcome }, report, failed);
}

function readProgress({ not_processed, waiting, ...counts }: ProgressJSON): Progress {
  return { ...counts, notProcessed: not_processed, waitingMs: waiting === null ? null : milliseconds(waiting) };
}

/** Runs until the call is over, wants a token or has something to tell. */
function turn(call: Call, number: number, door: Wakeups): Promise<void> {
  return new Promise((resolve) => {
    turns.set(number, resolve);
    call.run(door, number);
  });
}
