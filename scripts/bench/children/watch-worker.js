// The least that a worker can do to notice a line in a file and to claim it: watch, read, append, sync.
import { fdatasync, openSync, readSync, watch, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { report, request } from './common.js';

/** @type {{ file: string }} */
const { file } = request;
const sync = promisify(fdatasync);
const fd = openSync(file, 'a+');
const bytes = Buffer.alloc(64 * 1024);
/** @type {[n: number, at: number][]} */
const started = [];
let position = 0;
let busy = false;

const watcher = watch(file, async () => {
  if (busy) return;
  busy = true;
  for (;;) {
    const length = readSync(fd, bytes, 0, bytes.length, position);
    if (length === 0) break;
    position += length;
    /** @type {string[]} */
    const asked = bytes.toString('latin1', 0, length).match(/(?<=^asked )\S+/gm) ?? [];
    if (asked.length === 0) continue;
    writeSync(fd, asked.map((n) => `claimed ${n}\n`).join(''));
    await sync(fd);
    const at = Number(process.hrtime.bigint());
    for (const n of asked) started.push([Number(n), at]);
    if (asked.includes('stop')) {
      watcher.close();
      report({ started });
    }
  }
  busy = false;
});
