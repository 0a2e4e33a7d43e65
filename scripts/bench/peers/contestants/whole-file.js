// The algorithm of dbbasic-queue told again: one TSV file, read as a whole and written as a whole for each change,
// twice a job; no lock, no sync.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { numberOf, payload } from './payload.js';

const HEADER = 'id\ttype\tpayload\tstatus\tcreated_at\trun_at\tattempts\terror\tresult';
const [STATUS, RUN_AT, ATTEMPTS, RESULT] = [3, 5, 6, 8];

/** @param {{ file: string }} place */
export function open({ file }) {
  const read = () =>
    readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split('\t'));
  const write = (rows) => writeFileSync(file, [HEADER, ...rows.map((row) => row.join('\t')), ''].join('\n'));
  const row = (n) => {
    const now = Math.floor(Date.now() / 1000);
    const id = randomBytes(8).toString('hex');
    return [id, 'bench', JSON.stringify(payload(n)), 'pending', now, now, 0, '', ''];
  };
  if (!existsSync(file)) write([]);
  const add = (n) => writeFileSync(file, `${row(n).join('\t')}\n`, { flag: 'a' });
  return {
    enqueue: add,
    enqueueMany(from, length) {
      for (let i = 0; i < length; i++) add(from + i);
    },
    work({ started, recorded }) {
      const set = (id, changes) => {
        const rows = read();
        const found = rows.find(([other]) => other === id);
        for (const [column, value] of changes) found[column] = value;
        write(rows);
      };
      const now = Date.now() / 1000;
      const due = read().filter((row) => row[STATUS] === 'pending' && Number(row[RUN_AT]) <= now);
      for (const [id, , payload, , , , attempts] of due) {
        set(id, [
          [STATUS, 'processing'],
          [ATTEMPTS, Number(attempts) + 1],
        ]);
        const result = started(numberOf(JSON.parse(payload))) ?? null;
        set(id, [
          [STATUS, 'completed'],
          [RESULT, JSON.stringify(result)],
        ]);
        recorded(1);
      }
    },
    counts() {
      const rows = read();
      const done = rows.filter((row) => row[STATUS] === 'completed').length;
      return { waiting: rows.length - done, done };
    },
    close() {},
  };
}
