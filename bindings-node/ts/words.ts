/** Values of a caller, which may be anything at all, in words. */

import { inspect, types } from './util';

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

/** How much of a value an error message shows. */
const MOST = 60;

/**
 * The end of a sentence about a rule: what was given instead. Of a secret that is its type alone.
 *
 * @param isSecret - Whether the value may be one.
 */
export function instead(value: unknown, isSecret = false): string {
  if (types.isPromise(value)) {
    return 'not a Promise. Did you forget `await`?';
  }
  if (value === undefined || value === null) {
    return `not ${value}.`;
  }
  if (isSecret) {
    return `not a value of type ${typeName(value)}.`;
  }
  const text = typeof value === 'string' ? JSON.stringify(value.toWellFormed()) : shown(value).replaceAll(/\s+/g, ' ');
  const excerpt = text.length > MOST ? `${text.slice(0, MOST)}…`.toWellFormed() : text;
  const type = typeName(value);
  // Of classes and iterators Node shows the type itself.
  return text.startsWith(type) || text.startsWith('Object [') ? `not ${excerpt}.` : `not ${excerpt} (${type}).`;
}

/** A value as an error message shows it. */
export function shown(value: unknown): string {
  if (types.isPromise(value)) {
    return 'Promise {…}';
  }
  return (typeof value === 'string' ? value : inspect(value, { depth: 0, breakLength: Infinity })).toWellFormed();
}
