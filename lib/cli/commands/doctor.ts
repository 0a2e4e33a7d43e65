import type { Command } from 'commander';
import type { Finding } from '../../file/doctor/finding.js';
import { inspect } from '../../file/doctor/inspect.js';
import type { Cli } from '../cli.js';
import { EXIT } from '../exit.js';
import { about } from '../help.js';

/** The most findings of a kind shown to people. */
const MOST_SHOWN = 20;

export function define(command: Command, cli: Cli): void {
  about(command, {
    text: `Finds what is wrong.`,
    exits: '0.',
    examples: ['queue doctor'],
  }).action(async () => {
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
