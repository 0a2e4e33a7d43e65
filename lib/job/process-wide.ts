/**
 * Returns a value that all copies of the package in this process share: ES module, CommonJS, another version of the
 * package. The number in the key stands for the form of the value. A version with another form increases it.
 *
 * @example const names = processWide('names', () => new Set<string>());
 */
export function processWide<Value>(name: string, make: () => Value): Value {
  const world = globalThis as unknown as Record<symbol, Value | undefined>;
  const key = Symbol.for(`tsvq.${name}.1`);
  world[key] ??= make();
  return world[key];
}
