/** Values of a caller, which may be anything at all, in words. */

import { inspect } from './util';

/** The type of a value in the words of a JavaScript programmer. */
export function typeName(value: unknown): string {
  if (typeof value !== 'object') {
    return typeof value;
  }
  if (value === null) {
    return 'null';
  }
  const name: unknown = value.constructor?.name;
  return typeof name === 'string' && name !== '' ? name : 'object';
}

/** The name of what was thrown, which may be anything at all; its words may hold a secret. */
export function thrownName(thrown: unknown): string {
  try {
    const name: unknown = thrown instanceof Error ? thrown.name : typeName(thrown);
    return typeof name === 'string' ? name : 'object';
  } catch {
    return 'object';
  }
}

/** A value as an error message shows it. */
export function shown(value: unknown): string {
  return (typeof value === 'string' ? value : inspect(value, { depth: 0, breakLength: Infinity })).toWellFormed();
}
