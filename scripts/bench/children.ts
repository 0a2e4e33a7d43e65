import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

/**
 * Runs one of children/ in a Node of its own, as plain JavaScript: neither another benchmark's warm code nor
 * anything that transpiles is measured along.
 *
 * @param argument goes to it as JSON
 * @returns what it printed, as JSON
 */
export async function run<T>(child: URL, argument: unknown, flags: readonly string[] = []): Promise<T> {
  const path = fileURLToPath(child);
  const node = spawn(process.execPath, [...flags, path, JSON.stringify(argument)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output, [code, signal]] = await Promise.all([text(node.stdout), once(node, 'close')]);
  if (code !== 0) throw new Error(`${path} ended with ${signal ?? `exit code ${code}`}`);
  return JSON.parse(output) as T;
}

/** Runs the variants in turn, so many times each, so that whatever else the machine does hits all alike. */
export async function alternate<T extends Record<string, () => unknown>>(
  times: number,
  variants: T,
): Promise<{ [K in keyof T]: Awaited<ReturnType<T[K]>>[] }> {
  const results = Object.fromEntries(Object.keys(variants).map((name) => [name, []])) as unknown as {
    [K in keyof T]: Awaited<ReturnType<T[K]>>[];
  };
  for (let i = 0; i < times; i++) {
    // Every other time backwards, so that none is always the one that comes after another.
    const names: (keyof T)[] = Object.keys(variants);
    if (i % 2 === 1) names.reverse();
    for (const name of names) {
      results[name].push((await variants[name]?.()) as Awaited<ReturnType<T[keyof T]>>);
    }
  }
  return results;
}
