/** What others see of objects whose values are private. */

/**
 * A function that makes getters of a class own properties of one of its objects. By own properties, and by nothing that is
 * private, `assert.deepStrictEqual` and its like compare; and `structuredClone` and `postMessage` copy nothing else.
 */
export function visible<T extends object>(prototype: T, names: readonly (keyof T & string)[]): (object: T) => void {
  const getters = Object.fromEntries(
    names.map((name) => [name, { ...Object.getOwnPropertyDescriptor(prototype, name), enumerable: true }]),
  );
  return (object) => void Object.defineProperties(object, getters);
}
