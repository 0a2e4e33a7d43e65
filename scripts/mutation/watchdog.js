// Ends the process when a test takes longer than it may: one that hangs, in a loop perhaps, can't be ended otherwise.
// Which mutant it was is left for the next process, which is asked the same again.
import { writeFileSync } from 'node:fs';
import { workerData } from 'node:worker_threads';

const { deadline, mutant } = workerData;
setInterval(() => {
  if (Date.now() < deadline[0]) return;
  writeFileSync(`hangs-${mutant[0]}`, '');
  process.kill(process.pid, 'SIGKILL');
}, 200);
