// One awaited enqueue after another, and what an append costs without a queue; in turn, in blocks.
import {
  closeSync,
  copyFileSync,
  fdatasync,
  fdatasyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { promisify } from 'node:util';
import { openQueue } from 'tsvq';
import { payload, report, request } from './common.js';

/** @type {{ file: string, durability: 'sync' | 'os', blocks: number }} */
const { file, durability, blocks } = request;
const BLOCK = 25;

const queue = openQueue(file, { durability });
let n = 0;
const enqueue = () => queue.enqueue('bench', payload(n++));

// The same bytes onto the end of a file of the same size.
copyFileSync(file, `${file}.bare`);
const row = Buffer.from(`${readFileSync(file).toString('latin1').trimEnd().split('\n').at(-1)}\n`);
const bare = openSync(`${file}.bare`, 'a');
const append = () => writeSync(bare, row);
const sync = promisify(fdatasync);

const lock = `${file}.bare.lock`;
const token = `${lock}/owner.of.a.length.that.such.names.have.1234567.89012345.abcdef012345`;

/** @type {Record<string, () => unknown>} */
const variants =
  durability === 'sync'
    ? {
        ours: enqueue,
        awaited: async () => {
          append();
          await sync(bare);
        },
        blocking: () => {
          append();
          fdatasyncSync(bare);
        },
      }
    : {
        ours: enqueue,
        bare: () => {
          mkdirSync(lock);
          closeSync(openSync(token, 'wx'));
          readdirSync(lock);
          append();
          unlinkSync(token);
          rmdirSync(lock);
        },
      };

// What is measured is a web app that has been up for a while, not the compiler.
const warmUp = openQueue(`${file}.warm-up`, { durability: 'os' });
for (let i = 0; i < 2000; i++) await warmUp.enqueue('bench', payload(i));
await warmUp.close();

/** @type {Record<string, number[]>} µs */
const times = Object.fromEntries(Object.keys(variants).map((name) => [name, []]));
// The first block of each writes out what was copied, and isn't counted.
for (let block = 0; block <= blocks; block++) {
  for (const [name, call] of Object.entries(variants)) {
    for (let i = 0; i < BLOCK; i++) {
      const start = performance.now();
      await call();
      if (block > 0) times[name]?.push((performance.now() - start) * 1000);
    }
  }
}
await queue.close();
report({ times, enqueued: n });
