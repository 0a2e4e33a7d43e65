import type { Command } from 'commander';
import type { Finding } from '../../file/doctor/finding.js';
import { inspect } from '../../file/doctor/inspect.js';
import type { Cli } from '../cli.js';
import { EXIT } from '../exit.js';
import { examples } from '../help.js';

/** The most findings of a kind shown to people. */
const MOST_SHOWN = 20;

export function define(command: Command, cli: Cli): void {
  command
    .addHelpText(
      'after',
      `
Takes no lock and changes nothing. Finds: lines that can't be read or were cut by a crash, jobs held because of such a
line, jobs that are in the file twice, jobs of dead workers, payloads that no handler can be given, jobs dated far
ahead, jobs that are interrupted again and again, a lock that is held or was left, files left by a crash, owners and
modes that keep a worker out. To delete a line, name it by its text, because line numbers change.
Exits with 1 if it finds anything; otherwise prints ok.
--plain prints: kind line id message
${examples('queue doctor', "queue lock -- sed -i '/^half a line$/d' data/queue.tsv")}`,
    )
    .action(async () => {
      const { output, existingStore: store } = cli;
      const findings = await inspect(store);
      if (findings.length > 0) process.exitCode = EXIT.failed;
      output.text(findings.length === 0 ? 'ok' : describe(findings));
      for (const finding of findings)
        output.data(finding, [finding.kind, finding.line, finding.id, finding.message]);
    });
}

function describe(findings: readonly Finding[]): string {
  const counts = new Map<string, number>();
  const lines: string[] = [];
  for (const { kind, line, message } of findings) {
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    if (count <= MOST_SHOWN) {
      lines.push(`${kind}: ${line === undefined ? '' : `line ${line}: `}${message.replaceAll('\n', '\\n')}`);
    }
  }
  for (const [kind, count] of counts) {
    if (count > MOST_SHOWN) lines.push(`${kind}: ${count - MOST_SHOWN} more (all with --plain)`);
  }
  return lines.join('\n');
}
