import { removeIfThere, storeError, syncFolder } from '../disk/fs.js';
import { jobFolder, stepsPath } from './file-names.js';
import type { StepsPlace } from './steps-file.js';

/** Removes the recorded steps of a job. An attempt that still has the file open records no more. @throws TsvqError */
export const removeSteps = ({ fs, realPath }: StepsPlace, id: string): void =>
  removeIfThere(fs, stepsPath(realPath, id));

/** Makes it durable that files were removed. @throws TsvqError */
export async function syncRemoval({ fs, realPath, options }: StepsPlace): Promise<void> {
  const folder = jobFolder(realPath, 'steps');
  if (options.durability !== 'sync' || fs.stat(folder) === undefined) return;
  try {
    await syncFolder(fs, folder);
  } catch (error) {
    throw storeError(error, folder);
  }
}
