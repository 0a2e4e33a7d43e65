import type { Command } from 'commander';
import { describeHolder, type LockHolder } from '../../file/lock/lock.js';
import { isoSeconds } from '../../view/text.js';
import type { Cli } from '../cli.js';
import { CliError, EXIT } from '../exit.js';
import { about } from '../help.js';
import { say } from '../output.js';

export function define(command: Command, cli: Cli): void {
  command.option('--force', 'take the lock even from a process that is alive; what it is writing fails');
  about(command, {
    text: `Takes the lock from a process that is stuck, or whose state can't be known from here, on another host or in another container.
The lock of a dead process needs no command, because the next process takes it. Afterwards the file is compacted, because the
holder may have died while it wrote.`,
    plain:
      'a line for each holder: token, host, pid, since, liveness. The pid 0 is no process: an append was cut, by a full disk say, and the next process repairs the file.',
    exits: '0 if the lock is free; 3 if there is no queue file; 75 if the holder is alive.',
    examples: ['queue unlock', 'queue unlock --force'],
  }).action(async ({ force = false }: { force?: boolean }) => {
    const { output, store } = cli;
    // Removes an empty lock directory, which doesn't lock. Root may have died before it changed the owner.
    store.lock.tidy();
    const holders = store.lock.holders();
    if (holders.length === 0) {
      // Reports a missing file, because before the first job there is no lock either.
      cli.existingStore.lock.tidy();
      return say(`no process holds the lock of ${store.path}`);
    }
    const alive = holders.filter(({ liveness }) => liveness === 'alive');
    if (alive.length > 0 && !force) {
      throw new CliError(
        EXIT.busy,
        `${alive.map(describe).join(', ')} holds the lock, and is alive; end it, or use --force if it is stuck`,
      );
    }
    // A dead holder's token stays, because it requests the repair, which removes it.
    await store.takeOver(holders.filter(({ liveness }) => liveness !== 'dead').map(({ token }) => token));
    for (const holder of holders) {
      const { token, host, pid, since, liveness } = holder;
      const said = `took the lock of ${store.path} from ${describe(holder)} (${words[liveness]})`;
      output.changed({ token, host, pid, since, liveness }, said, [token, host, pid, since, liveness]);
    }
  });
}

const words = { alive: 'alive', dead: 'dead', unknown: "can't be judged from here" } as const;

const describe = (holder: LockHolder): string => describeHolder(holder, isoSeconds(holder.since));
