import { Actor } from './actor.js';
import type { Lie } from './campaign.js';
import { job, queueOf, type Scenario } from './scenarios.js';

/*
 * A promised row lacks its LF, and the next process adds it. The disk may keep the length of that write and not its
 * byte.
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

export const ENDS: readonly (Scenario & { readonly through?: Lie })[] = [
  {
    name: 'a person has left the last row without its LF',
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
