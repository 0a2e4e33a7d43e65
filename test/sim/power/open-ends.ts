import { Actor } from './actor.js';
import type { Lie } from './campaign.js';
import { job, queueOf, type Scenario } from './scenarios.js';

/*
 * Histories that power loss still breaks: a row that somebody was promised lacks its LF, and the write that adds it
 * is not synced. Where the disk keeps that write's length and not its byte, the row ends with a NUL, and is closed as
 * torn by the next who comes. They belong with the others as soon as they hold.
 */

const addTwo: Scenario['run'] = async (machine, options) => {
  const web = new Actor(machine, options);
  await web.enqueue();
  await web.enqueue();
  await web.close();
};

/** The first append of a row writes all of it but its LF, and says so. */
const lacksTheEnd: Lie = (fs) => {
  let done = false;
  return {
    ...fs,
    writeSync: (fd, bytes, position) => {
      const isCut = !done && position === null && bytes.length > 10;
      done ||= isCut;
      return fs.writeSync(fd, isCut ? bytes.subarray(0, -1) : bytes, position);
    },
  };
};

export const OPEN_ENDS: readonly (Scenario & { readonly through?: Lie })[] = [
  {
    name: 'a person has left the last row without its end',
    disk: queueOf(job(1, 'parent'), job(2, 'ok').slice(0, -1)),
    run: addTwo,
  },
  {
    name: 'a write was short by the end of its last row',
    disk: queueOf(job(1, 'ok')),
    run: addTwo,
    through: lacksTheEnd,
  },
];
