/** Drives one publish: the addon runs its turns, JavaScript answers between them. */

import { aborted, type PortalError } from './errors';
import { parse } from './json';
import { type Call, type Failure, native, type Report, type Wakeups } from './native';
import { withReport } from './report';
import type { Progress, ProgressCallable } from './request';
import { inspect } from './util';
import { type LogFieldsJSON, milliseconds, type ProgressJSON } from './wire';
import { instead, thrownName } from './words';

/** What a function is asked with that returns an access token. */
export interface TokenRequest {
  /** Aborted when the call is over that asks, or does not wait any longer. */
  readonly signal: AbortSignal;
}

/** A function that returns an access token. */
export type TokenCallable = (request: TokenRequest) => string | Promise<string>;

/** What a record of the log is about, as values: whatever is known of it. */
export interface LogFields {
  /** The same in all records of one call, and in no other call's. */
  readonly callId: string;
  /** The path of the call's journal. */
  readonly journal?: string;
  /** The chunk of a batch, from 1. */
  readonly chunk?: number;
  /** The attempt at the request, from 1. */
  readonly attempt?: number;
  /** How many files the request has. */
  readonly fileCount?: number;
  readonly httpStatus?: number;
  /** The server's `X-Request-Id`. */
  readonly requestId?: string;
  /** Milliseconds that the attempt took. */
  readonly elapsedMs?: number;
  /** Milliseconds that the call waits now. */
  readonly waitMs?: number;
  /** How many files of the request are `ok`, once it is over; likewise the next three. */
  readonly ok?: number;
  readonly failed?: number;
  readonly unknown?: number;
  readonly notProcessed?: number;
  /** The code of the error that it ended with. */
  readonly code?: string;
}

/**
 * Receives what calls do: `console`, or a logger such as winston; pino wants the fields first, so write
 * `info: (message, fields) => log.info(fields, message)`. One line at info level when a request goes out, one when it ends,
 * one for each wait; no secret, and files' ids at debug level and in warnings only. Dropped requests are warned of. A logger that fails, or
 * whose promise rejects, costs nobody a result: Node warns of it.
 */
export interface Logger {
  debug(message: string, fields: LogFields): void;
  info(message: string, fields: LogFields): void;
  warn(message: string, fields: LogFields): void;
}

/** What a client brings along for each of its calls. */
export interface Host {
  readonly accessToken: TokenCallable | undefined;
  readonly logger: Logger | undefined;
}

/** What the caller of one call does about it. */
export interface Caller {
  /** Ends it: a batch once its request in flight is recorded, any other call at once. */
  readonly signal?: AbortSignal | null | undefined;
  /** Ends it at once. */
  readonly dropSignal?: AbortSignal | null | undefined;
  readonly onProgress?: ProgressCallable | undefined;
}

/** What the addon says at the end of a call that succeeds. */
type Result = Report | string;

/** How a call ends: with a result, or by throwing. Called where the caller's line is on the stack. */
type Ending<T> = () => T;

/** As it is now: what a test puts in its place may never come. */
const nextTurn = setImmediate;

/** The calls that are under way. */
const pending = new Set<Call<Result>>();
/** What goes on once the turn of a call, by its number, is over. */
const turns = new Map<number, () => void>();
let wakeups: Wakeups | undefined;
let lastNumber = 0;

/** The door through which calls report. It keeps no process alive that has no call. */
function open(): Wakeups {
  return (wakeups ??= new native.Wakeups(wake, ignore));
}

// Not in the first call: Jest's `detectOpenHandles` would show that call, since it cannot see that the door is unreferenced.
Promise.resolve().then(open).catch(ignore);

/** Runs a call to its end, or until its caller ends it, and reads its result. Meanwhile the process stays alive. */
export async function finish<T extends Result>(call: Call<T>, host: Host, caller: Caller): Promise<T> {
  const door = open();
  pending.add(call);
  if (pending.size === 1) {
    door.hold(true);
    process.on('exit', forsakeAll);
  }
  const drive = new Drive(call, door, host, caller);
  try {
    const ending = await drive.ending();
    return ending();
  } finally {
    drive.over();
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

/** One call on its way to its end. */
class Drive<T extends Result> {
  readonly #call: Call<T>;
  readonly #door: Wakeups;
  readonly #number = (lastNumber = (lastNumber + 1) >>> 0);
  readonly #accessToken: TokenCallable | undefined;
  readonly #log: Log;
  readonly #caller: Caller;
  /** What a callable of the caller threw or rejected with: the first, since that ends the call. */
  #failed: { readonly cause: unknown } | undefined;
  /** Ends what the callable for tokens does, while it is asked. */
  #asking: AbortController | undefined;
  /** Whether a signal of the caller's was aborted, and who waits for that. */
  #isStopped = false;
  #stop: (() => void) | undefined;

  constructor(call: Call<T>, door: Wakeups, { accessToken, logger }: Host, caller: Caller) {
    this.#call = call;
    this.#door = door;
    this.#accessToken = accessToken;
    this.#log = new Log(logger);
    this.#caller = caller;
  }

  /** Listens before it starts: a signal that cannot be listened to must not cost anybody the outcome. */
  ending(): Promise<Ending<T>> {
    const { signal, dropSignal } = this.#caller;
    if (!signal && !dropSignal) {
      return this.#run();
    }
    return new Promise((resolve, reject) => {
      const unless = (goesOn: () => boolean) => (): void => {
        this.#isStopped = true;
        this.#stop?.();
        if (!goesOn()) {
          turns.delete(this.#number);
          resolve(() => this.#ended());
        }
      };
      const listeners: (() => void)[] = [];
      const leave = (): void => listeners.forEach(unlessItThrows);
      try {
        if (signal) {
          listeners.push(listen(signal, unless(() => this.#call.interrupt())));
        }
        if (dropSignal) {
          // The second interrupt drops what the first one awaits.
          listeners.push(listen(dropSignal, unless(() => this.#call.interrupt() && this.#call.interrupt())));
        }
      } catch (error) {
        leave();
        throw error;
      }
      void this.#run().then(resolve, reject).finally(leave);
    });
  }

  async #run(): Promise<Ending<T>> {
    const call = this.#call;
    const { onProgress } = this.#caller;
    call.watch(this.#log.isRead);
    if (onProgress) {
      call.followProgress();
    }
    for (;;) {
      await this.#turn();
      for (const [level, message, fields] of call.logRecords()) {
        this.#log.tell(level, message, readFields(parse(fields)));
      }
      const progress = onProgress && call.progress();
      if (progress) {
        try {
          await this.#unlessStopped(onProgress(readProgress(parse(progress))));
        } catch (error) {
          if (!this.#failed) {
            this.#failed = { cause: error };
            call.interrupt();
          }
        }
      }
      if (call.isOver()) {
        return () => this.#ended();
      }
      if (call.wantsToken()) {
        // The call waits for it, and knows how long.
        void this.#ask();
      }
    }
  }

  /** Waits for a promise of the caller's, which may never settle, until it is to stop. */
  #unlessStopped(told: void | Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      let isOver = false;
      const over = (): void => {
        isOver = true;
        resolve();
      };
      // What stops it may reject as well, in the same turn of the event loop.
      this.#stop = () => nextTurn(over);
      if (this.#isStopped) {
        this.#stop();
      }
      Promise.resolve(told).then(over, (error: unknown) => {
        if (isOver) {
          warn(`onProgress failed (${thrownName(error)}) after the batch was to stop.`);
        }
        reject(error);
      });
    });
  }

  /** Runs until the call is over, wants a token or has something to tell. */
  #turn(): Promise<void> {
    return new Promise((resolve) => {
      turns.set(this.#number, resolve);
      this.#call.run(this.#door, this.#number);
    });
  }

  async #ask(): Promise<void> {
    const asking = new AbortController();
    this.#asking = asking;
    try {
      const token: unknown = await this.#accessToken?.({ signal: asking.signal });
      if (typeof token === 'string') {
        this.#call.provideToken(token);
      } else {
        const problem = `\`accessToken\` must return a string, ${instead(token, true)}`;
        this.#failToken(new TypeError(problem), problem.slice(0, -1));
      }
    } catch (error) {
      // The error's words stay out of ours: they may hold a secret.
      this.#failToken(error, `accessToken threw ${thrownName(error)}`);
    } finally {
      this.#asking = undefined;
    }
  }

  #failToken(cause: unknown, reason: string): void {
    this.#failed ??= { cause };
    this.#call.failToken(reason);
  }

  /** Nothing that the call asked for is wanted any more. */
  over(): void {
    this.#asking?.abort(new DOMException('The call that asked for an access token is over.', 'AbortError'));
  }

  /**
   * The result of the call, or its error. Where something of the host's ended it, what that threw, or the signal's reason,
   * is the error's cause; if nothing went out, it is thrown as it is.
   */
  #ended(): T {
    const isInterrupted = this.#call.isInterrupted();
    const ending = this.#call.ending();
    if (!isInterrupted && ending !== null) {
      return resultOf(ending);
    }
    const { signal, dropSignal } = this.#caller;
    const reason = this.#failed ?? { cause: reasonOf(dropSignal?.aborted ? dropSignal : signal) };
    if (!(ending instanceof native.Failure)) {
      throw reason.cause;
    }
    const error = withReport(ending, reason);
    if (ending.isLoss()) {
      // If the error is swallowed, a warning is left all the same.
      this.#log.tell('warn', error.message, fieldsOf(error));
    }
    throw this.#failed ? error : aborted(error);
  }
}

function ignore(): void {}

/** Of a signal that fails after the outcome is known nothing is reported. */
function unlessItThrows(leave: () => void): void {
  try {
    leave();
  } catch {
    // It has been told already what became of the call.
  }
}

/** The signal's reason, or what it throws instead. */
function reasonOf(signal: AbortSignal | null | undefined): unknown {
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
  signal.addEventListener('abort', listener, { once: true });
  ends.add(end);
  return () => {
    ends.delete(end);
    if (ends.size === 0) {
      signal.removeEventListener('abort', listener);
    }
  };
}

/** The result of an operation; a failure is thrown with its report. */
function resultOf<T extends Result>(ending: T | Failure): T {
  if (ending instanceof native.Failure) {
    throw withReport(ending);
  }
  return ending;
}

/** What one call tells its logger. */
class Log {
  readonly #logger: Logger | undefined;
  readonly #callId: string | undefined;

  constructor(logger: Logger | undefined) {
    this.#logger = logger;
    this.#callId = logger && crypto.randomUUID();
  }

  get isRead(): boolean {
    return this.#logger !== undefined;
  }

  /** Without a logger only warnings are told, by Node. */
  tell(level: keyof Logger, message: string, fields: Omit<LogFields, 'callId'>): void {
    if (this.#logger) {
      log(this.#logger, level, message, { callId: this.#callId as string, ...fields });
    } else if (level === 'warn') {
      warn(message);
    }
  }
}

/** A logger that fails, at once or later, must not cost anybody the outcome of a call. */
function log(logger: Logger, level: keyof Logger, message: string, fields: LogFields): void {
  const failed = (error: unknown): void => warn(`logger.${level} failed (${thrownName(error)}). ${message}`);
  try {
    const told: unknown = logger[level](message, fields);
    if (typeof told === 'object' && told !== null) {
      // It may be a promise, of any kind.
      Promise.resolve(told).catch(failed);
    }
  } catch (error) {
    failed(error);
  }
}

/** Warns by Node. */
export function warn(message: string): void {
  try {
    process.emitWarning(message, 'AddeparPortalWarning');
  } catch {
    // A program may have put something else in its place; the error that is about to be thrown says it too.
  }
}

/** The fields of a record, in camelCase and milliseconds. */
function readFields(fields: LogFieldsJSON): Omit<LogFields, 'callId'> {
  const { file_count, http_status, request_id, elapsed, wait, not_processed, ...others } = fields;
  const renamed = {
    fileCount: file_count,
    httpStatus: http_status,
    requestId: request_id,
    elapsedMs: elapsed === undefined ? undefined : milliseconds(elapsed),
    waitMs: wait === undefined ? undefined : milliseconds(wait),
    notProcessed: not_processed,
  };
  const known = Object.entries(renamed).filter(([, value]) => value !== undefined);
  return { ...others, ...Object.fromEntries(known) };
}

/** What a record is about that tells of an error. */
function fieldsOf({ code, journal, counts }: PortalError): Omit<LogFields, 'callId'> {
  const { total: fileCount, ok, failed, unknown, notProcessed } = counts ?? {};
  const fields = { journal: journal ?? undefined, fileCount, ok, failed, unknown, notProcessed };
  return { ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)), code };
}

function readProgress({ not_processed, waiting, ...counts }: ProgressJSON): Progress {
  const progress = { ...counts, notProcessed: not_processed, waitingMs: milliseconds(waiting) };
  const toString = (): string => `Progress ${inspect(progress, { breakLength: Infinity })}`;
  return Object.freeze(Object.defineProperty(progress, 'toString', { value: toString }));
}
