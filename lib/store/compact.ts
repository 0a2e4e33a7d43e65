import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { isFinal } from '../job.js';
import { headerLine, type Layout, upgraded } from '../tsv/columns.js';
import { LineReader } from '../tsv/line.js';
import { joinRow, moveRow, type Row, seconds, splitRows } from '../tsv/row.js';
import { ArchiveWriter } from './archive.js';
import { missingFollowUps } from './follow-ups.js';
import type { FileSystem } from './fs.js';
import { JobIndex } from './job-index.js';
import type { Lock } from './lock.js';
import type { OpenFile } from './open-file.js';
import { isMark, OPEN_MARK, settledEnd, settledMark } from './settled.js';

/** What a compaction did. */
export interface CompactionSummary {
  /** Jobs that stay in the file. */
  kept: number;
  /** Finished jobs moved to archive/. */
  archived: number;
  /** Jobs made that a crash had cut off the completion which carries them. */
  recovered: number;
  bytesBefore: number;
  bytesAfter: number;
}

/** What a compaction works with. */
export interface CompactionContext {
  readonly fs: FileSystem;
  readonly lock: Lock;
  /** Of the queue file. */
  readonly path: string;
  /** In ms; Infinity keeps finished jobs for ever. */
  readonly retention: number;
  readonly now: number;
}

/** Output is gathered up to this size before it is written. */
const PIECE = 1024 * 1024;
/** Below this many bytes of finished rows their end isn't marked: scanning them costs nothing. */
const WORTH_A_MARK = 64 * 1024;

/**
 * Writes the file anew: finished jobs first, then what is still to do, without superseded rows; comments and
 * lines that can't be read are kept byte for byte. Only under the lock; this is what truly depends on it.
 *
 * The order of the steps: the archive is durable before the new file lacks what went there; the new file is
 * durable before it takes the name; the name is durable before anybody acknowledges anything in it. A crash
 * between any two leaves the old file or the new one, and a job in both the file and the archive at the worst.
 *
 * @param index of the same file, caught up to its end; made here if there is none
 */
export async function compact(
  context: CompactionContext,
  file: OpenFile,
  known?: JobIndex,
): Promise<CompactionSummary> {
  const { fs, lock, path } = context;
  const layout = file.layout.current ? file.layout : upgraded(file.layout);
  const index = known ?? new JobIndex(file, settledEnd(file));
  if (known === undefined) await index.catchUp();

  const archive = new ArchiveWriter(fs, path, layout);
  const output = new Replacement(fs, path, file);
  try {
    const summary = await new Compaction(context, file, index, layout, archive, output).write();
    await archive.sync();
    await output.sync();
    if (!lock.stillHeld()) throw new Error('the lock was taken over during the compaction');
    await output.replace();
    return { ...summary, archived: archive.count, bytesBefore: file.size, bytesAfter: output.size };
  } finally {
    archive.close();
    output.close();
  }
}

/** Makes an empty queue file, in the same steps. */
export async function createQueueFile(fs: FileSystem, path: string, layout: Layout): Promise<void> {
  const output = new Replacement(fs, path, undefined);
  try {
    output.add(Buffer.from(headerLine(layout)));
    await output.sync();
    await output.replace();
    // The directory may be as new as the file, and so may those above it.
    for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
      await syncFolder(fs, dirname(folder)).catch(() => {});
    }
  } finally {
    output.close();
  }
}

/** One pass over the old file, in which each line finds its place in the new one. */
class Compaction {
  readonly #context: CompactionContext;
  readonly #file: OpenFile;
  readonly #index: JobIndex;
  readonly #layout: Layout;
  readonly #archive: ArchiveWriter;
  readonly #output: Replacement;
  readonly #reader: LineReader;
  /** Where the newest rows begin, and which of them comes next. */
  readonly #newest: Float64Array;
  #next = 0;
  /** Where in the old file the lines are that come after the finished jobs; neighbours merged. */
  readonly #later: { from: number; to: number }[] = [];
  readonly #expired: { line: string; finishedAt: number }[] = [];
  readonly #parents: Row[] = [];
  #run: { bytes: Buffer; start: number; end: number } | undefined;
  #kept = 0;

  constructor(
    context: CompactionContext,
    file: OpenFile,
    index: JobIndex,
    layout: Layout,
    archive: ArchiveWriter,
    output: Replacement,
  ) {
    this.#context = context;
    this.#file = file;
    this.#index = index;
    this.#layout = layout;
    this.#archive = archive;
    this.#output = output;
    this.#reader = new LineReader(file.layout);
    this.#newest = index.offsets();
  }

  async write(): Promise<{ kept: number; recovered: number }> {
    const file = this.#file;
    const output = this.#output;
    output.add(Buffer.from(headerLine(this.#layout)));
    const markAt = output.size;
    const marked = this.#finishedBytes() > WORTH_A_MARK;
    if (marked) output.add(Buffer.from(settledMark(0)));
    await file.eachLine(file.start, (bytes, start, end, offset) => this.#sort(bytes, start, end, offset), {
      // Block by block, so that no more than one is in memory.
      afterBlock: async () => {
        this.#endRun();
        await output.flush();
        for (const { line, finishedAt } of this.#expired.splice(0)) await this.#archive.add(line, finishedAt);
      },
    });
    if (marked) {
      const end = output.size;
      output.add(Buffer.from(OPEN_MARK));
      await output.flush();
      output.patch(markAt, Buffer.from(settledMark(end)));
    }
    for (const { from, to } of this.#later) await this.#copy(from, to);
    const missing = missingFollowUps(this.#parents, this.#index, this.#layout);
    for (const row of missing) output.add(Buffer.from(joinRow(row)));
    await output.flush();
    return { kept: this.#kept + missing.length, recovered: missing.length };
  }

  /** About how much the finished jobs take up. */
  #finishedBytes(): number {
    const index = this.#index;
    let bytes = index.from - this.#file.start;
    for (let slot = 0; slot < index.size; slot++)
      if (isFinal(index.status(slot))) bytes += index.length(slot);
    return bytes;
  }

  #sort(bytes: Buffer, start: number, end: number, offset: number): void {
    const reader = this.#reader;
    const kind = reader.read(bytes, start, end);
    if (kind === 'struck') return;
    if (kind === 'comment' && isMark(bytes, start, end)) return;
    if (kind !== 'row') {
      this.#keepForLater(offset, end - start + 1);
      return;
    }

    const { at } = this.#file.layout;
    const index = this.#index;
    if (offset < index.from) {
      // A finished job from before; it may have been retried since.
      if (index.find(reader.field(at.id)) !== undefined) return;
    } else if (offset === this.#newest[this.#next]) {
      this.#next++;
    } else {
      const slot = index.find(reader.field(at.id));
      if (slot !== undefined && index.version(slot) === reader.version)
        this.#keepDuplicate(bytes, start, end);
      return;
    }
    const { status } = reader;
    if (!isFinal(status) || (index.hasUnreadable && index.isHeld(reader.field(at.id)))) {
      this.#kept++;
      this.#keepForLater(offset, end - start + 1);
      return;
    }
    const finishedAt = reader.number(at.finished_at, Number.NaN) * 1000;
    const expired = finishedAt < this.#context.now - this.#context.retention;
    const [followFrom, followTo] = at.follow_ups < 0 ? [0, 0] : reader.span(at.follow_ups);
    const rewritten = this.#layout !== this.#file.layout || followTo > followFrom;
    if (!expired && !rewritten) {
      this.#kept++;
      this.#keep(bytes, start, end + 1);
      return;
    }
    const line = rewritten ? this.#rewrite(bytes, start, end) : `${bytes.toString('utf8', start, end)}\n`;
    if (expired) this.#expired.push({ line, finishedAt });
    else {
      this.#kept++;
      this.#add(Buffer.from(line));
    }
  }

  /** Lines that stay as they are and lie side by side are copied together. */
  #keep(bytes: Buffer, start: number, end: number): void {
    if (this.#run?.end === start) this.#run.end = end;
    else {
      this.#endRun();
      this.#run = { bytes, start, end };
    }
  }

  #endRun(): void {
    // A copy: the buffer is used again for the next block.
    if (this.#run) this.#output.add(Buffer.from(this.#run.bytes.subarray(this.#run.start, this.#run.end)));
    this.#run = undefined;
  }

  #add(bytes: Buffer): void {
    this.#endRun();
    this.#output.add(bytes);
  }

  /** A finished row in the new file's layout, its follow-ups taken note of and its column of them emptied. */
  #rewrite(bytes: Buffer, start: number, end: number): string {
    const [row] = splitRows(bytes.toString('utf8', start, end));
    const next = this.#upgrade(row as Row);
    const { at } = this.#layout;
    if (next[at.follow_ups] !== '') this.#parents.push(next.slice());
    next[at.follow_ups] = '';
    return joinRow(next);
  }

  #upgrade(row: Row): Row {
    const from = this.#file.layout;
    const to = this.#layout;
    if (from === to) return row;
    const next = moveRow(row, from, to);
    const { at } = to;
    // A file from before there were versions doesn't escape its error texts either.
    if (from.at.version < 0) next[at.error] = (next[at.error] as string).replaceAll('\\', '\\\\');
    next[at.version] ||= '1';
    next[at.priority] ||= '0';
    next[at.forgiven] ||= '0';
    const final = next[at.status] !== 'pending' && next[at.status] !== 'processing';
    if (final && next[at.finished_at] === '') next[at.finished_at] = seconds(this.#context.now);
    return next;
  }

  /** Of two rows with one id and one version the earlier is the job; the other is nobody's to throw away. */
  #keepDuplicate(bytes: Buffer, start: number, end: number): void {
    const [from, to] = this.#reader.span(this.#file.layout.at.status);
    const text = Buffer.from(bytes.subarray(start, end + 1));
    text.fill('-', from - start, to - start);
    this.#add(Buffer.concat([Buffer.from('#duplicate '), text]));
  }

  #keepForLater(offset: number, length: number): void {
    const last = this.#later.at(-1);
    if (last?.to === offset) last.to += length;
    else this.#later.push({ from: offset, to: offset + length });
  }

  async #copy(from: number, to: number): Promise<void> {
    const output = this.#output;
    const plain = this.#layout === this.#file.layout;
    for (let position = from; position < to; ) {
      if (plain) {
        const bytes = this.#file.readPiece(position, Math.min(PIECE, to - position));
        output.add(bytes);
        position += bytes.length;
      } else {
        position = await this.#file.eachLine(
          position,
          (bytes, start, end) => {
            const isRow = this.#reader.read(bytes, start, end) === 'row';
            const text = bytes.toString('utf8', start, end);
            output.add(
              isRow
                ? Buffer.from(joinRow(this.#upgrade(splitRows(text)[0] as Row)))
                : withLf(bytes, start, end),
            );
          },
          { to },
        );
      }
      await output.flush();
    }
  }
}

/** A copy of a line with its LF: the buffer that it is read into is used again. */
const withLf = (bytes: Buffer, start: number, end: number): Buffer =>
  Buffer.from(bytes.subarray(start, end + 1));

/** A new file that takes the queue file's name once it is whole and on the disk. */
class Replacement {
  size = 0;
  readonly #fs: FileSystem;
  readonly #path: string;
  readonly #temporary: string;
  readonly #fd: number;
  #pending: Buffer[] = [];
  #pendingSize = 0;
  #written = 0;
  #done = false;

  constructor(fs: FileSystem, path: string, old: OpenFile | undefined) {
    this.#fs = fs;
    this.#path = path;
    // A name that nobody can have prepared a symlink at; one that a crash leaves behind is doctor's to report.
    this.#temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
    this.#fd = fs.open(this.#temporary, 'wx+', 0o660);
    if (old === undefined) return;
    fs.fchmod(this.#fd, old.info.mode & 0o7777);
    try {
      fs.fchown(this.#fd, old.info.uid, old.info.gid);
    } catch {
      // Not ours to give away; the mode's group bits are what a shared queue lives by.
    }
  }

  add(bytes: Buffer): void {
    this.#pending.push(bytes);
    this.#pendingSize += bytes.length;
    this.size += bytes.length;
  }

  async flush(): Promise<void> {
    if (this.#pendingSize === 0) return;
    const bytes = this.#pending.length === 1 ? (this.#pending[0] as Buffer) : Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingSize = 0;
    const written = await this.#fs.write(this.#fd, bytes, this.#written);
    if (written < bytes.length) throw Object.assign(new Error('short write'), { code: 'ENOSPC' });
    this.#written += written;
  }

  /** Overwrites bytes that were flushed before. */
  patch(position: number, bytes: Buffer): void {
    if (position + bytes.length > this.#written) throw new Error('patch of bytes that are not written yet');
    this.#fs.writeSync(this.#fd, bytes, position);
  }

  async sync(): Promise<void> {
    await this.flush();
    await this.#fs.fsync(this.#fd);
  }

  async replace(): Promise<void> {
    this.#fs.rename(this.#temporary, this.#path);
    this.#done = true;
    await syncFolder(this.#fs, dirname(this.#path));
  }

  close(): void {
    this.#fs.close(this.#fd);
    if (this.#done) return;
    try {
      this.#fs.unlink(this.#temporary);
    } catch {
      // It is only litter, and the error that brought us here matters more.
    }
  }
}

/** Makes the names in a directory durable: a rename or a new file is none before. */
async function syncFolder(fs: FileSystem, folder: string): Promise<void> {
  const fd = fs.open(folder, 'r');
  try {
    await fs.fsync(fd);
  } finally {
    fs.close(fd);
  }
}
