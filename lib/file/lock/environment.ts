import { type Clock, systemClock } from '../../job/clock.js';
import { type FileSystem, systemFs } from '../disk/fs.js';
import { type Processes, systemProcesses } from './process-id.js';

/** The system as the queue sees it: files, time, processes. Simulations bring their own. */
export interface Environment {
  readonly fs: FileSystem;
  readonly clock: Clock;
  readonly processes: Processes;
}

/** The environment of this machine. */
export const systemEnvironment: Environment = {
  fs: systemFs,
  clock: systemClock,
  processes: systemProcesses,
};
