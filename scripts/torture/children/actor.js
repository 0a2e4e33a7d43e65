// What every process of the torture has: its order, its journal, and its death.
import * as fs from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';

/** @type {import('../child.js').Order & { role: import('../child.js').Role }} */
export const order = JSON.parse(process.argv[2] ?? '{}');

const { openSync, writeSync, fdatasyncSync } = fs;
const journal = openSync(order.journal, 'a');

/**
 * One line, on the disk when this returns: what it says has happened, or is about to, whatever is killed afterwards.
 * The clock is the kernel's monotonic one, the same for all processes.
 *
 * @param {object} entry
 */
export function note(entry) {
  const t = Number(process.hrtime.bigint() / 1000n) / 1000;
  // A line that a kill cut before is ended by the first LF.
  writeSync(journal, `\n${JSON.stringify({ t, ...entry })}\n`);
  fdatasyncSync(journal);
}

/** Numbers from 0 to 1, the same for the same seed. */
let state = order.seed >>> 0;
export function random() {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
}

/** @param {number} most */
export const upTo = (most) => Math.floor(random() * (most + 1));

/**
 * @template T
 * @param {readonly T[]} all
 * @returns {T | undefined}
 */
export const pick = (all) => all[upTo(all.length - 1)];

/** @param {number} ms */
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Tells the supervisor that this is a moment worth dying in. */
export const inTheMiddle = () => void writeSync(1, '.');

/**
 * Does something and notes both: that it is asked for, and what came of it.
 *
 * @template T
 * @param {object} what
 * @param {() => Promise<T>} call
 * @param {(value: T) => object} answer
 * @returns {Promise<T | undefined>}
 */
export async function ask(what, call, answer) {
  note({ e: 'ask', ...what });
  try {
    const value = await call();
    note({ e: 'told', ...what, ...answer(value) });
    return value;
  } catch (error) {
    const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
    note({ e: 'refused', ...what, code: code ?? 'none', message });
    return undefined;
  }
}

/** From here on the calls count. */
function dieAtCall() {
  let left = order.calls;
  const real = createRequire(import.meta.url)('node:fs');
  for (const name of ['open', 'write', 'fdatasync', 'fsync', 'rename', 'unlink', 'mkdir', 'rmdir']) {
    for (const key of [name, `${name}Sync`]) {
      const call = real[key];
      /** @param {unknown[]} args */
      real[key] = (...args) => {
        // Opening for reading changes nothing.
        const counts = name !== 'open' || (args[1] !== 'r' && typeof args[1] !== 'number');
        if (args[0] !== 1 && args[0] !== journal && counts && --left === 0) {
          const bytes = args[1];
          if (name === 'write' && bytes instanceof Buffer) {
            const position = /** @type {number | null} */ (args[4] ?? null);
            writeSync(
              /** @type {number} */ (args[0]),
              bytes,
              0,
              Math.floor(bytes.length * order.cut),
              position,
            );
          }
          process.kill(process.pid, 'SIGKILL');
        }
        return call(...args);
      };
    }
  }
  syncBuiltinESMExports();
}

note({ e: 'up' });
inTheMiddle();
if (order.calls > 0) dieAtCall();
