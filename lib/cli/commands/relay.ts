import type { Command } from 'commander';
import { Relays } from '../../file/relay/relays.js';
import { durationText } from '../../job/checks.js';
import type { Outbox } from '../../job/outbox.js';
import { postgresOutbox } from '../../outbox/postgres.js';
import { sqliteOutbox } from '../../outbox/sqlite.js';
import type { Cli } from '../cli.js';
import { EXIT, usageError } from '../exit.js';
import { about } from '../help.js';
import { say } from '../output.js';

export function define(command: Command, cli: Cli): void {
  command
    .argument('<database>', 'sqlite:app.db, or postgres://host/app')
    .option(
      '--linger <time>',
      "how long to stay and look after each commit ('55s'); default: end after one look",
    );
  about(command, {
    text: `Makes jobs of the rows that an app has committed to the table \`tsvq_outbox\` of its own database: see [the
outbox](outbox.md). Each row becomes exactly one job, wherever this command is killed. Workers with the option \`outbox\` do
the same, so it is for projects whose worker has none, or is not written in JavaScript.

A row that can't be a job is moved to \`tsvq_outbox_rejected\` with the reason, which is printed. Write no password into the
address, because others can see a command line: \`pg\` reads \`PGPASSWORD\` and \`~/.pgpass\`.

It needs \`better-sqlite3\` (or Node 22.13) or \`pg\` in the project.`,
    plain: 'the number of rows that became jobs, or were duplicates.',
    exits:
      "0; 1 if the database can't be read, the queue takes no jobs, or a row can't be a job; 2 if an argument or option can't be used.",
    examples: ['queue relay sqlite:app.db', 'queue relay postgres://localhost/app --linger 55s'],
  }).action(async (database: string, { linger }: { linger?: string }) =>
    relay(cli, outboxOf(database), linger === undefined ? 0 : durationText('--linger', linger)),
  );
}

async function relay({ store, output }: Cli, outbox: Outbox, linger: number): Promise<void> {
  const tell = (jobs: number): void =>
    output.record({ relayed: jobs }, `relayed ${jobs} ${jobs === 1 ? 'job' : 'jobs'}`, [jobs]);
  let relayed = 0;
  const relays = new Relays(store, [outbox], {
    warn: (message) => {
      say(message);
      process.exitCode = EXIT.failed;
    },
    relayed: (jobs) => {
      relayed += jobs;
      if (linger > 0) tell(jobs);
    },
  });
  await relays.look();
  if (linger > 0) {
    relays.start();
    await stay(linger);
    await relays.stop();
  } else tell(relayed);
  await outbox.close();
}

/** Waits for a time, or for a signal to end. The second signal ends the process. */
async function stay(ms: number): Promise<void> {
  await new Promise<void>((resolve) => {
    // An endless wait needs a timer, too, to keep the process alive.
    const most = 2 ** 31 - 1;
    const timer = ms > most ? setInterval(() => {}, most) : setTimeout(() => end(), ms);
    const end = (): void => {
      clearTimeout(timer);
      resolve();
    };
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
  });
}

/** Returns the outbox that an address names. @throws CliError (usage) */
function outboxOf(address: string): Outbox {
  const path = /^sqlite3?:(?:\/\/)?(.+)$/i.exec(address)?.[1];
  if (path !== undefined) return sqliteOutbox(path);
  if (/^postgres(ql)?:\/\//i.test(address)) return postgresOutbox(address);
  throw usageError('the database must be an address like sqlite:app.db or postgres://localhost/app');
}
