import { type Refused, refuse } from './failure';
import { stringify } from './json';
import { types } from './util';
import { instead, shown, typeName } from './words';

/**
 * One id: a whole number from 1 to 2^53 - 1, or a string of ASCII digits. Fractions and unsafe
 * integers are refused.
 */
export type Id = number | string | bigint;

/**
 * Ids as a collection, or as an iterator such as a generator makes, which is read once. A string, bytes or a mapping is
 * refused: `"37"` would be the files 3 and 7. So is a `Float32Array`: it rounds ids above 2^24 to other ids. Of a `Map`
 * pass `map.keys()` or `map.values()`, of an array the array: its iterator may be one over bytes.
 */
export type Ids = readonly Id[] | ReadonlySet<Id> | TypedIds | IterableIterator<Id>;

/** Typed arrays whose elements are exact ids. */
export interface TypedIds extends Iterable<number | bigint> {
  readonly length: number;
  readonly [Symbol.toStringTag]:
    | 'Int16Array'
    | 'Uint16Array'
    | 'Int32Array'
    | 'Uint32Array'
    | 'Float64Array'
    | 'BigInt64Array'
    | 'BigUint64Array';
}

/** The arguments that are ids. */
type Argument = 'fileIds' | 'publishOverrideContactIds';

/** The most files of one call: of an iterator no more are read than these and the first that is too many. */
const MAX_FILES = 500;

/** The most ids that are read of any iterator: one that has more may never end. */
const MAX_READ = 10_000_000;

/**
 * Ids on their way to the core, which checks them.
 *
 * @param as - What they are for: what follows where they are refused.
 * @param most - How many of an iterator are read; what its caller's code throws meanwhile passes through.
 */
export function packIds(name: Argument, ids: unknown, as: Refused = 'input', most = Infinity): Float64Array | string {
  if (types.isTypedArray(ids) && ROUNDING.has(ids[Symbol.toStringTag])) {
    return refuse(
      as,
      `\`${name}\` must be a list of exact ids, not a ${ids[Symbol.toStringTag]}, which rounds large ids to other ids: ` +
        'use a Float64Array or an array.',
    );
  }
  if (types.isMap(ids)) {
    return refuse(as, `\`${name}\` must be a list of ids, not a Map: pass its keys() or its values().`);
  }
  if (Object(ids)[Symbol.toStringTag] === 'Array Iterator') {
    return refuse(as, `\`${name}\` must be a list of ids, not an iterator over one: pass the list itself.`);
  }
  if (Symbol.asyncIterator in Object(ids)) {
    return refuse(as, `\`${name}\` must be a list of ids, not what has to be awaited: read it into an array with \`for await\`.`);
  }
  if (isIterator(ids)) {
    const read = readUpTo(Math.min(most, MAX_READ + 1), ids);
    if (read.length > MAX_READ) {
      refuse(as, `\`${name}\` must have at most ${MAX_READ.toLocaleString('en')} ids, not more: does the iterator end?`);
    }
    return pack(read);
  }
  if (!isCollection(ids)) {
    return refuse(as, `\`${name}\` must be a list of ids, ${instead(ids)}${advice(name, ids)}`);
  }
  // Holes become `undefined`.
  return pack([...ids]);
}

/** What to write for a single id; of text that may be several, why it is not read as a list. */
function advice(name: Argument, ids: unknown): string {
  if (readId(ids) !== undefined) {
    return ` Write [${typeof ids === 'string' ? `"${ids}"` : shown(ids)}].`;
  }
  const things = name === 'publishOverrideContactIds' ? 'contacts' : 'files';
  return typeof ids === 'string' ? ` Read as a list, "37" would be the ${things} 3 and 7.` : '';
}

/** The ids of one call's files. */
export function packFiles(ids: unknown): Float64Array | string {
  return packIds('fileIds', ids, 'input', MAX_FILES + 1);
}

/** Iterators over characters, or over elements that may be bytes or rounded ids: nobody can tell. */
const OPAQUE: ReadonlySet<unknown> = new Set(['String Iterator', 'Array Iterator']);

/** Whether a value is an iterator that can be iterated: nothing else is an iterator over itself. */
function isIterator(ids: unknown): ids is Iterable<unknown> {
  const { next, [Symbol.iterator]: iterator, [Symbol.toStringTag]: tag } = Object(ids);
  return typeof next === 'function' && typeof iterator === 'function' && !OPAQUE.has(tag) && iterator.call(ids) === ids;
}

function readUpTo(most: number, ids: Iterable<unknown>): unknown[] {
  const read: unknown[] = [];
  for (const id of ids) {
    read.push(id);
    if (read.length >= most) {
      break;
    }
  }
  return read;
}

/** One id on its way to the core, which checks it. */
export function packId(id: unknown): Float64Array | string | undefined {
  return id === undefined ? undefined : pack([id]);
}

function pack(list: readonly unknown[]): Float64Array | string {
  return list.every(Number.isSafeInteger) ? new Float64Array(list as number[]) : stringify(list.map(item));
}

/** Typed arrays whose elements are too short for ids. */
const ROUNDING: ReadonlySet<string> = new Set(['Float16Array', 'Float32Array']);

function isCollection(ids: unknown): ids is Iterable<unknown> {
  return Array.isArray(ids) || types.isSet(ids) || (types.isTypedArray(ids) && ids.BYTES_PER_ELEMENT > 1);
}

function item(id: unknown): object {
  if (typeof id === 'bigint' || Number.isInteger(id)) {
    return { integer: BigInt(id as number | bigint).toString() };
  }
  return typeof id === 'string' ? { text: id.toWellFormed() } : { other: [typeName(id), shown(id)] };
}

/** The id that a value is: a whole number, a bigint or ASCII digits, as in {@link packIds}; otherwise nothing. */
export function readId(value: unknown): number | undefined {
  const isId = typeof value === 'number' || typeof value === 'bigint' || (typeof value === 'string' && /^\d+$/.test(value));
  const id = isId ? Number(value) : 0;
  return Number.isSafeInteger(id) && id > 0 ? id : undefined;
}
