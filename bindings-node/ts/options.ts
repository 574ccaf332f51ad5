/** What a caller gave, and nothing that came from elsewhere. */

import { type Refused, refuse } from './failure';
import { fileURLToPath, types } from './util';
import { instead } from './words';

/** What a value has to be. Which of those values are allowed, the core knows. */
export interface Kind {
  /** In words, after "must be". */
  readonly rule: string;
  readonly takes: (value: unknown) => boolean;
  readonly isRequired: boolean;
  /** Whether `null` is not given, as `undefined` is. */
  readonly mayBeNull: boolean;
  /** What is handed on of a value that is taken. */
  readonly read: (value: unknown) => unknown;
}

export function kind(rule: string, takes: (value: unknown) => boolean, read = (value: unknown): unknown => value): Kind {
  return { rule, takes, isRequired: false, mayBeNull: false, read };
}

/** The same kind, of an option for which `null` means that it is not given: it does not change what is sent, or to whom. */
function orNull(given: Kind): Kind {
  return { ...given, mayBeNull: true };
}

/** The same kind, of an option that has to be there. */
export function required(given: Kind): Kind {
  return { ...given, isRequired: true };
}

/** Anything at all: it is checked where it goes. */
export const ANY = kind('anything', () => true);
export const BOOLEAN = kind('a boolean', (value) => typeof value === 'boolean');
export const FUNCTION = kind('a function', isFunction);
export const NUMBER = kind('a number', (value) => typeof value === 'number');
export const MILLISECONDS = kind('a number of milliseconds', NUMBER.takes);
export const STRING = kind('a string', (value) => typeof value === 'string');
/** What it has is checked where it goes. */
export const STRINGS = kind('an array of strings', isStrings);
export const STRING_OR_STRINGS = kind('a string or an array of strings', (value) => typeof value === 'string' || isStrings(value));
export const DATE = kind('a valid Date', (value) => types.isDate(value) && !Number.isNaN(value.getTime()));
/** As `fetch` takes it. */
export const SIGNAL = orNull(
  kind(
    'an AbortSignal',
    (signal) =>
      hasMethods(signal, ['throwIfAborted', 'addEventListener', 'removeEventListener']) &&
      typeof (signal as AbortSignal).aborted === 'boolean',
  ),
);
/** A string that stays the same in Rust: half of a surrogate pair does not, and another secret must not be sent. */
export const TEXT = kind(STRING.rule, isText);
/** The address of a server. */
export const TEXT_OR_URL = kind(`${TEXT.rule} or a URL`, (value) => isText(value) || isUrl(value), addressOf);
/** The path of a file or folder. */
export const PATH = kind(`${TEXT.rule} or a file: URL`, (value) => pathOf(value) !== undefined, pathOf);
/** {@link TEXT}, or a function that is asked for it. */
export const TEXT_OR_FUNCTION = kind(`${TEXT.rule} or a function`, (value) => isText(value) || isFunction(value));

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

function isStrings(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.isWellFormed();
}

/** Whether a value is a `URL`, of any realm: a string has no `href`, and what `url.parse` gives has a `path`. */
function isUrl(value: unknown): value is URL {
  const { href, protocol, path } = Object(value);
  return typeof href === 'string' && typeof protocol === 'string' && path === undefined && isText(href);
}

function addressOf(value: unknown): unknown {
  return isUrl(value) ? value.href : value;
}

/** The path that a string or a URL is; `undefined` if it is none on this machine. */
function pathOf(value: unknown): string | undefined {
  if (!isUrl(value)) {
    return isText(value) ? (value as string) : undefined;
  }
  try {
    return fileURLToPath(value.href);
  } catch {
    return undefined;
  }
}

/** Whether a value has what is used of it: it may be a polyfill, or of another realm. */
export function hasMethods(value: unknown, methods: readonly string[]): boolean {
  return methods.every((method) => isFunction((value as Record<string, unknown> | null | undefined)?.[method]));
}

/** Every table of options: one that is given to the wrong function is some other's. */
const TABLES: Table<object>[] = [];

/** Makes the options of some function known. */
export function tableOf<T extends object>(made: Table<T>): Table<T> {
  TABLES.push(made);
  return made;
}

/** All options that some function takes, and the kind of each. */
export interface Table<T> {
  /** The function, as its caller names it. */
  readonly of: string;
  /** What a wrong one is refused as. */
  readonly as: Refused;
  readonly kinds: { readonly [Name in keyof T]-?: Kind };
}

/**
 * The options that a caller gave; `undefined` is not given, nor is a signal that is `null`. What is hidden, unknown or of another kind is refused: it
 * must not be passed over. They are in an object without a prototype, which can be handed to the addon: that looks for
 * what it knows, in prototypes too.
 */
export function take<T extends object>(options: T | undefined, table: Table<T>): T {
  const given = own(options, table);
  const values = given as Record<string, unknown>;
  const kinds = Object.entries<Kind>(table.kinds);
  for (const name of Object.keys(values)) {
    if (!Object.hasOwn(table.kinds, name)) {
      refuseUnknown(name, table);
    }
  }
  for (const [name, wanted] of kinds) {
    const isGiven = values[name] !== undefined && !(values[name] === null && wanted.mayBeNull);
    if (isGiven || wanted.isRequired) {
      values[name] = wanted.read(checked(name, values[name], wanted, table.as));
    } else {
      delete values[name];
    }
  }
  return given;
}

function refuseUnknown<T>(name: string, { of, as, kinds }: Table<T>): never {
  const known = Object.keys(kinds);
  return refuse(as, `\`${name}\` is not an option of \`${of}\`.${hint(name, known)} Its options are ${known.join(', ')}.`);
}

/** What somebody may have meant who wrote a name: an option of this function, or one of another. */
function hint(name: string, known: readonly string[]): string {
  const meant = known.find((option) => isLike(name, option));
  if (meant !== undefined) {
    return ` Did you mean \`${meant}\`?`;
  }
  const others = TABLES.flatMap(({ of, kinds }) => Object.keys(kinds).map((option) => ({ of, option })));
  const found = others.find(({ option }) => option === name) ?? others.find(({ option }) => isLike(name, option));
  if (found === undefined) {
    return '';
  }
  const of = others.flatMap((other) => (other.option === found.option ? `\`${other.of}\`` : [])).join(', ');
  return found.option === name ? ` It is an option of ${of}.` : ` Did you mean \`${found.option}\`, an option of ${of}?`;
}

/** Whether somebody who wrote one name may have meant the other: another case, another language's spelling, a slip. */
function isLike(name: string, known: string): boolean {
  const [a, b] = [name, known].map((each) => each.toLowerCase().replaceAll(/[^a-z]|ms$/g, '')) as [string, string];
  return a === b || distance(a, b) <= Math.min(2, b.length / 3);
}

/** How many letters have to be put in, left out or replaced to make one word of the other. */
function distance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [row, letter] of Array.from(a).entries()) {
    const next = [row + 1];
    for (const [column, other] of Array.from(b).entries()) {
      const replaced = (above[column] as number) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (above[column + 1] as number) + 1, (next[column] as number) + 1));
    }
    above = next;
  }
  return above.at(-1) as number;
}

/** Refuses arguments that nobody would look at. `given`: those that came; `most`: how many there are. */
export function refuseMore<T>(given: ArrayLike<unknown>, most: number, { of, as }: Pick<Table<T>, 'of' | 'as'>): void {
  if (given.length > most && Array.from(given).slice(most).some((more) => more !== undefined)) {
    refuse(as, `\`${of}\` takes ${most} argument${most === 1 ? '' : 's'}, not ${given.length}: all options go into one object.`);
  }
}

/** A value that has to be of a kind. A setting may be a secret, which is not shown. */
export function checked<T>(name: string, value: T, { rule, takes }: Kind, as: Refused = 'input'): T {
  if (!takes(value)) {
    const isSecret = as === 'config' && !(takes(0) && isNumeric(value));
    const isBroken = isSecret && typeof value === 'string' && !value.isWellFormed();
    refuse(as, `\`${name}\` must be ${rule}, ${isBroken ? 'not text with half of a surrogate pair.' : instead(value, isSecret)}`);
  }
  return value;
}

/** Whether a text is a number, which no secret is. */
function isNumeric(value: unknown): boolean {
  return typeof value === 'string' && /^[\d.]{1,8}$/.test(value);
}

/**
 * A caller's options: their own enumerable properties, in an object without a prototype. What was put into
 * `Object.prototype` is nobody's option. A known one that the options have in another way (inherited from a class, not
 * enumerable) is refused.
 */
export function own<T extends object>(options: T | undefined, { as, kinds }: Table<T>): T {
  checked('options', options, OPTIONS, as);
  const given = withoutPrototype<T>(options);
  for (const name of Object.keys(kinds)) {
    if (!(name in given) && options && isHidden(options, name)) {
      refuse(as, `\`${name}\` must be an enumerable property of the options themselves, not hidden or inherited.`);
    }
  }
  return given;
}

/** What options are as a whole. */
const OPTIONS = kind('an object', (options) => options === undefined || isObject(options));

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a value is an object with an option of some function in it: options, and not a list. */
export function isOptions(value: unknown): boolean {
  return isObject(value) && TABLES.some(({ kinds }) => Object.keys(kinds).some((name) => Object.hasOwn(value, name)));
}

/** Whether an object has such a property that is not of `Object.prototype`. */
function isHidden(options: object, name: PropertyKey): boolean {
  let owner: object | null = options;
  while (owner !== null && !Object.hasOwn(owner, name)) {
    owner = Object.getPrototypeOf(owner);
  }
  // Each realm has an `Object.prototype` of its own.
  return owner !== null && !Object.hasOwn(owner, 'hasOwnProperty');
}

/** The own enumerable properties of these objects, in one without a prototype. */
export function withoutPrototype<T extends object>(...objects: readonly (Partial<T> | undefined)[]): T {
  return Object.assign(Object.create(null), ...objects);
}
