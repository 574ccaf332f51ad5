/** Errors of the core, which the addon returns, thrown where the caller's line is still on the stack. */

import { CLASSES, type PortalError } from './errors';
import { parse } from './json';
import { type Failure, native } from './native';
import type { PublishReport } from './report';

/** The error that a failure is; the module that knows reports makes its report. */
export function errorOf(failure: Failure, report: PublishReport | null = null, options?: ErrorOptions): PortalError {
  const Class: typeof PortalError = CLASSES[failure.className];
  return new Class(parse(failure.toJson()), report, options);
}

/** Throws the error of a failure that has no report. */
export function raise(failure: Failure): never {
  throw errorOf(failure);
}

/** What a refused value is: a setting, an argument, or what was to be recorded. */
export type Refused = 'config' | 'input' | 'decision';

/** Refuses what JavaScript lets through and the types of the core do not; that nothing was done, the core adds. */
export function refuse(refused: Refused, message: string): never {
  raise(native.Failure[refused](message));
}

/** The result of an operation whose failures have no report. */
export function succeeded<T>(result: T | Failure): T {
  return result instanceof native.Failure ? raise(result) : result;
}
