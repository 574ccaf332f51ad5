/** What others see of objects whose values are private. */

/**
 * A function that makes getters of a class own properties of one of its objects. By own properties, and by nothing that is
 * private, `assert.deepStrictEqual` and its like compare; and `structuredClone` and `postMessage` copy nothing else.
 */
export function visible<T extends object>(prototype: T, names: readonly (keyof T & string)[]): (object: T) => void {
  // One by one, and without the `set: undefined` of their own descriptors, V8 defines them in a third of the time.
  const getters = names.map((name) => {
    const { get } = Object.getOwnPropertyDescriptor(prototype, name) as { readonly get: () => unknown };
    return [name, { get, enumerable: true, configurable: true }] as const;
  });
  return (object) => {
    for (const [name, getter] of getters) {
      Object.defineProperty(object, name, getter);
    }
  };
}
