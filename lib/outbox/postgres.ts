import { invalid } from '../job/checks.js';
import type { DefaultJobs, TypeOf } from '../job/job.js';
import type { EnqueueArguments, EnqueueOptions } from '../job/job-options.js';
import { type Outbox, overTable } from '../job/outbox.js';
import { newRow, type OutboxOptions, resolveOutboxOptions } from './new-row.js';
import { checkPool, openPool, type Pool, type PostgresClient, type PostgresPool } from './postgres-driver.js';
import { PostgresTable } from './postgres-table.js';

/** An outbox in a PostgreSQL database. */
export interface PostgresOutbox<Jobs = DefaultJobs> extends Outbox {
  /**
   * Makes the tables `tsvq_outbox` and `tsvq_outbox_rejected`, and a trigger that notifies workers, if they are not
   * there.
   *
   * @throws what `pg` rejects with
   * @example
   * await outbox.create();
   */
  create(): Promise<void>;
  /**
   * Inserts a row by the client of your transaction. If that is committed, the row becomes a job; a `delay` counts from
   * this call.
   *
   * @param client the client that has begun the transaction; a pool would insert the row outside of it
   * @throws TsvqError `INVALID_ARGUMENT`, `PAYLOAD_TOO_LARGE`; or what `pg` rejects with
   * @example
   * await client.query('BEGIN');
   * const order = await insertOrder(client, cart);
   * await outbox.add(client, 'receipt', { order }, { delay: '5m' });
   * await client.query('COMMIT');
   */
  add<T extends TypeOf<Jobs>>(
    client: PostgresClient,
    type: T,
    ...rest: EnqueueArguments<Jobs[T]>
  ): Promise<void>;
}

/**
 * Makes an outbox in a PostgreSQL database, for `processJobs` and for the app that adds jobs.
 *
 * @param pool a pool of `pg`, or a `postgres://` URL, for which the outbox opens one of its own
 * @throws TsvqError `INVALID_ARGUMENT`
 * @example
 * const outbox = postgresOutbox(new Pool());
 * await queue.processJobs(handlers, { outbox: [outbox] });
 */
export function postgresOutbox<Jobs = DefaultJobs>(
  pool: PostgresPool | string | URL,
  options: OutboxOptions<Jobs> = {},
): PostgresOutbox<Jobs> {
  const rules = resolveOutboxOptions(options as OutboxOptions);
  const given = typeof pool === 'string' || pool instanceof URL ? undefined : checkPool(pool);
  const url = given === undefined ? addressOf(String(pool)) : undefined;
  let own: Pool | undefined;
  const open = (): Pool => {
    own ??= openPool(url?.href as string);
    return own;
  };
  const database = url === undefined ? given?.options?.database : `${url.host}${url.pathname}`;
  const name = `the outbox in PostgreSQL${database ? ` (${database})` : ''}`;
  const table = new PostgresTable(name, () => given ?? open());
  const calls = {
    name,
    create: () => table.create(),
    add: async (client: PostgresClient, type: string, payload?: unknown, options?: EnqueueOptions) => {
      if (typeof client?.query !== 'function') throw invalid('client', client, 'a client of pg');
      const row = newRow({ type, payload, options }, Date.now(), rules);
      await client.query(
        'INSERT INTO tsvq_outbox (type, payload, options, created_at) VALUES ($1, $2, $3, $4)',
        row as unknown as never[],
      );
    },
    close: async () => {
      const ended = own?.end();
      own = undefined;
      await ended;
    },
  };
  return overTable(() => table, calls) as PostgresOutbox<Jobs>;
}

/** Checks a URL. Its value may have a password, so an error doesn't show it. */
function addressOf(value: string): URL {
  if (/^postgres(ql)?:\/\//i.test(value) && URL.canParse(value)) return new URL(value);
  throw invalid('pool', `${value.split(':')[0]}:…`, 'a pool of pg, or a postgres:// URL');
}
