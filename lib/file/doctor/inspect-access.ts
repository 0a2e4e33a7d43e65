import { dirname } from 'node:path';
import type { TsvqError } from '../../job/errors.js';
import { archiveFiles, archiveFolder } from '../compaction/archive.js';
import { type FileInfo, isRegular } from '../disk/fs.js';
import { chownCommand, ofRootError } from '../disk/ownership.js';
import { jobFolder } from '../job-files/file-names.js';
import type { Store } from '../store.js';
import type { Finding } from './finding.js';

/** The findings about owners and modes. */
export interface Access {
  readonly findings: Finding[];
  /** True if a finding keeps out a process that works the queue. */
  readonly keepsOut: boolean;
  /** True if this process can't read the file. */
  readonly isFileDenied: boolean;
}

/** Checks owners and modes of the file and of the files beside it. */
export function inspectAccess(store: Store): Access {
  const { fs, path, realPath } = store;
  const file = fs.stat(realPath);
  const folder = fs.stat(dirname(realPath));
  if (file === undefined || folder === undefined)
    return { findings: [], keepsOut: false, isFileDenied: false };
  const open: string[] = [];
  if ((file.mode & 0o002) !== 0) {
    open.push(
      `every user of this machine may write ${path} (mode ${octal(file)}), and so make it run jobs; chmod o-w it`,
    );
  }
  const closed: string[] = [];
  if ((file.mode & 0o600) !== 0o600) {
    closed.push(`not even its owner may read and write ${path} (mode ${octal(file)}); chmod u+rw it`);
  }
  if (file.uid !== folder.uid && !isShared(file, folder)) {
    closed.push(
      `${path} belongs to user ${file.uid}, its folder to user ${folder.uid}: only one of them can work it; ` +
        `chown them alike: ${chownCommand(folder, path)}`,
    );
  }
  closed.push(...besideIt(store, file, folder));
  const refused = closed.length === 0 ? undefined : ofRootError(fs, realPath);
  const isFileDenied = refused !== undefined && !isAllowed(() => store.openFile());
  if (open.length + closed.length === 0 && store.openFile()?.writable === false) {
    closed.push(
      `you may read ${path}, but not change it (mode ${octal(file)}, user ${file.uid}, group ${file.gid}); see "Permissions" in the operations guide`,
    );
  }
  return {
    findings: [...open, ...closed, ...unusableLimits(store)].map((message) => ({ kind: 'access', message })),
    keepsOut: closed.length > 0,
    isFileDenied,
  };
}

/** Finds files of another user, which can keep the owner out. */
function besideIt(store: Store, file: FileInfo, folder: FileInfo): string[] {
  const { fs, path, realPath, lock } = store;
  const findings: string[] = [];
  // If the file's owner isn't its folder's, the folder's counts.
  const owner = file.uid !== folder.uid && !isShared(file, folder) ? folder : file;
  const anothers = (name: string): FileInfo | undefined => {
    let info: FileInfo | undefined;
    try {
      info = fs.stat(name);
    } catch {
      // The folder that denies access has a finding itself.
    }
    return info === undefined || info.uid === owner.uid || isShared(info, owner) ? undefined : info;
  };
  const archive = archiveFolder(realPath);
  let inArchive: string[] = [];
  try {
    if (anothers(archive) === undefined) inArchive = archiveFiles(fs, realPath);
  } catch (error) {
    findings.push((error as Error).message);
  }
  const inLock = [lock.path, `${lock.path}/rewriting`];
  const beside = ['tick', 'ping', 'paused', 'limits'].map((end) => `${realPath}.${end}`);
  const ofJobs = (['logs', 'steps'] as const).map((folder) => jobFolder(realPath, folder));
  for (const name of [...inLock, ...beside, ...ofJobs, archive, ...inArchive]) {
    const info = anothers(name);
    if (info === undefined) continue;
    const unless = inLock.includes(name) ? 'unless it is empty, when the next process removes it, ' : '';
    findings.push(
      `${name} belongs to user ${info.uid}, ${path} to user ${owner.uid}: only one of them can use both; ` +
        `${unless}chown them alike: ${chownCommand(owner, name)}`,
    );
  }
  return findings;
}

/** Finds something else in the place of the limits file, because jobs with a rate limit then wait. */
function unusableLimits({ fs, realPath }: Store): string[] {
  const path = `${realPath}.limits`;
  const isFile = (): boolean => {
    if (fs.readlink(path) !== undefined) return false;
    const info = fs.stat(path);
    return info === undefined || isRegular(info);
  };
  return isFile() ? [] : [`${path} is not a file, so jobs with a rate limit wait; remove it`];
}

/** False if the system denies this process access. More exact checks report other errors. */
function isAllowed(look: () => unknown): boolean {
  try {
    look();
    return true;
  } catch (error) {
    return (error as TsvqError).code !== 'NO_ACCESS';
  }
}

const isShared = (info: FileInfo, like: FileInfo): boolean =>
  info.gid === like.gid && (info.mode & 0o060) === 0o060;

const octal = ({ mode }: FileInfo): string => (mode & 0o777).toString(8).padStart(4, '0');
