/**
 * What all copies of the package in this process share: the ES module, the CommonJS one, another version. The number in
 * the key is that of the value's form: a version that needs another form counts it up.
 *
 * @example const names = processWide('names', () => new Set<string>());
 */
export function processWide<Value>(name: string, make: () => Value): Value {
  const world = globalThis as unknown as Record<symbol, Value | undefined>;
  const key = Symbol.for(`tsvq.${name}.1`);
  world[key] ??= make();
  return world[key];
}
