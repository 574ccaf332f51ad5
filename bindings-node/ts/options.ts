/** What a caller gave, and nothing that came from elsewhere. */

import { raise } from './errors';
import { typeName } from './ids';
import { native } from './native';

/**
 * A caller's options: their own enumerable properties, in an object without a prototype. What was put into
 * `Object.prototype` is nobody's option. One of `names` that the options have in another way (inherited from a class,
 * not enumerable) is refused: it must not be passed over.
 */
export function own<T extends object>(
  options: T | undefined,
  names: readonly (keyof T)[],
  kind: 'config' | 'input' = 'input',
): T {
  if (options === null || (typeof options !== 'object' && options !== undefined)) {
    return raise(native.Failure[kind](`options must be an object, not ${typeName(options)}. Nothing was sent.`));
  }
  const given = withoutPrototype(options ?? {}) as T;
  for (const name of names) {
    if (!(name in given) && options && isHidden(options, name)) {
      raise(
        native.Failure[kind](`\`${String(name)}\` must be an enumerable property of the options themselves, not hidden or inherited. Nothing was sent.`),
      );
    }
  }
  return given;
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

/** A copy of these objects' own enumerable properties for the addon, which reads inherited ones as well. */
export function withoutPrototype<T extends object>(...objects: readonly T[]): T {
  return Object.assign(Object.create(null), ...objects);
}
