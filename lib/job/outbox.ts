import { invalid } from './checks.js';

/**
 * A table of a user's own database whose committed rows become jobs: `sqliteOutbox` and `postgresOutbox` of
 * `tsvq/outbox` make one.
 *
 * @example
 * await queue.processJobs(handlers, { outbox: [sqliteOutbox(db)] });
 */
export interface Outbox {
  /** What messages call it, like `the outbox in /srv/app/app.db`. */
  readonly name: string;
  /** Closes the connections that it has opened itself. They don't keep the process alive. */
  close(): Promise<void>;
}

/** The rows of an outbox, as the relay works with them. Errors of the database are thrown as they are. */
export interface OutboxTable {
  /** What messages call it. */
  readonly name: string;
  /**
   * Takes the next rows for a relay. One durable transaction writes the relay's token into them, and the ids that their
   * jobs will have. Rows of a relay that has let go come first, and keep their ids. Rows of other relays are left alone.
   *
   * @returns some rows that are all new, or all in doubt, in their order; none if there is nothing to take
   */
  take(relay: Taker): Promise<OutboxRow[]>;
  /** Removes the rows that a relay has taken, and keeps those that can't be jobs in the table of rejected rows. */
  finish(token: string, rejected: readonly RejectedRow[]): Promise<void>;
  /** Calls `changed` soon after each commit that may have added rows. @returns the function that ends this */
  watch(changed: () => void): () => void;
}

/** A relay that takes rows. */
export interface Taker {
  /** A name for this taking, which no other has. */
  readonly token: string;
  /** The time, in ms since 1970. */
  readonly now: number;
  /** True if the relay that took rows at `takenAt` (ms since 1970) has let go of them. */
  hasLetGo(token: string, takenAt: number): boolean;
  newId(): string;
}

/** A row of an outbox. Any program may have written it, so its values are still to be checked. */
export interface OutboxRow {
  /** The row's number in its table. */
  readonly seq: unknown;
  readonly type: unknown;
  /** JSON text. */
  readonly payload: unknown;
  /** JSON text. */
  readonly options: unknown;
  /** When it was inserted, in Unix seconds. */
  readonly createdAt: unknown;
  /** The id of its job. */
  readonly jobId: string;
  /** True if a relay that has let go may have added the job already. */
  readonly isDoubtful: boolean;
}

/** A row that can't be a job. */
export interface RejectedRow {
  readonly seq: unknown;
  /** Why it can't. */
  readonly error: string;
}

/** The most rows that are taken at once, and about the most characters of their payloads. */
export const MOST_TAKEN = { rows: 500, length: 4_000_000 } as const;

/** The key under which an outbox has its table. Another copy of this package in the process finds it, too. */
const TABLE = Symbol.for('tsvq.outbox.1');

/** Makes an outbox of a table and the calls that users see. */
export const overTable = <Calls extends Outbox>(table: () => OutboxTable, calls: Calls): Calls =>
  Object.assign(calls, { [TABLE]: table });

/** Opens the table of an outbox. @throws TsvqError `NOT_INSTALLED` */
export const tableOf = (outbox: Outbox): OutboxTable =>
  (outbox as Outbox & { readonly [TABLE]: () => OutboxTable })[TABLE]();

/** Checks the outboxes of a worker. @throws TsvqError `INVALID_ARGUMENT` */
export function checkOutboxes(name: string, value: readonly Outbox[]): readonly Outbox[] {
  if (!Array.isArray(value)) throw invalid(name, value, 'an array of outboxes');
  const isOutbox = (one: unknown): boolean => typeof one === 'object' && one !== null && TABLE in one;
  for (const [i, one] of value.entries())
    if (!isOutbox(one))
      throw invalid(
        `${name}[${i}]`,
        one,
        'an outbox: sqliteOutbox and postgresOutbox of tsvq/outbox make one',
      );
  return [...value];
}
