import type { Command } from 'commander';
import type { Finding } from '../../file/doctor/finding.js';
import { inspect } from '../../file/doctor/inspect.js';
import type { Repair, RepairPlan } from '../../file/repair/plan.js';
import type { Store } from '../../file/store.js';
import { loaded } from '../../job/dependency.js';
import type { Cli } from '../cli.js';
import { isConfirmed } from '../confirm.js';
import { EXIT, usageError } from '../exit.js';
import { about } from '../help.js';
import { type Output, say } from '../output.js';

/** The most findings of a kind shown to people. */
const MOST_SHOWN = 20;

interface Options {
  fix?: boolean;
  releaseHeld?: boolean;
  dryRun?: boolean;
  yes?: boolean;
}

export function define(command: Command, cli: Cli): void {
  about(command, {
    text: `Takes no lock and changes nothing, without \`--fix\`. Finds: lines that can't be read or were cut by a crash, jobs held
because of such a line, jobs that are in the file twice, jobs of dead workers, payloads that no handler can be given, jobs
dated far ahead, jobs that are interrupted again and again, a lock that is held or was left, files left by a crash, owners and
modes that keep a worker out. To delete a line, name it by its text, because line numbers change.

\`--fix\` repairs what can be repaired without losing anything. It first says of each finding what will be done and why that is
safe, then asks, then repairs, and looks again. Without a terminal it needs \`--yes\`. Lines that can't be read, and second rows
of a job, go to a file next to the queue, \`queue.tsv.aside\`; none is thrown away. A line that holds a job stays, because only a
person can know whether the job has run: correct it, or say \`--release-held\`. A lock that a dead process left is taken
over, files left by a crash are removed, jobs of dead workers wait for a worker again, a mode that lets strangers in is
narrowed. Everything else is only told, with what to do: payloads, numbers, times, keys and owners have to be corrected by
a person. A repair may be killed at any moment, and run again.

[Operations](operations.md#when-something-is-wrong) explains each finding.`,
    plain: `for each finding: kind, line, id, message. With --fix, before that for each repair: repaired, kind, line, id, what was
done (with --dry-run: would-repair); then what is left.`,
    exits: '0 nothing was found, or nothing is left; 1 something was found, or is left.',
    examples: [
      'queue doctor',
      'queue doctor --fix --dry-run',
      'queue doctor --fix --yes',
      "queue lock -- sed -i '/^half a line$/d' data/queue.tsv",
    ],
  })
    .option('--fix', 'repair what can be repaired, after asking')
    .option('--release-held', 'with --fix: also move aside lines that hold a job, which may then run again')
    .option('--dry-run', 'with --fix: only say what would be done')
    .option('--yes', "with --fix: don't ask")
    .action(async ({ fix = false, ...options }: Options) => {
      const { output, existingStore: store } = cli;
      if (!fix)
        for (const [option, value] of Object.entries(options))
          if (value) throw usageError(`--${OPTIONS[option as keyof typeof OPTIONS]} needs --fix`);
      const findings = await inspect(store);
      if (fix && findings.length > 0) return fixAll(store, output, findings, options);
      tell(output, findings);
    });
}

const OPTIONS = { releaseHeld: 'release-held', dryRun: 'dry-run', yes: 'yes' } as const;

/** Prints the findings, and sets the exit code. */
function tell(output: Output, findings: readonly Finding[]): void {
  if (findings.length > 0) process.exitCode = EXIT.failed;
  output.text(findings.length === 0 ? 'ok' : describe(findings));
  for (const finding of findings)
    output.data(finding, [finding.kind, finding.line, finding.id, finding.message]);
}

async function fixAll(
  store: Store,
  output: Output,
  findings: readonly Finding[],
  { releaseHeld = false, dryRun = false, yes = false }: Options,
): Promise<void> {
  const { planRepairs } = await loaded('the code of repairs', import('../../file/repair/plan.js'));
  const plan = await planRepairs(store, findings, { releaseHeld });
  output.text(describePlan(plan));
  if (dryRun || plan.repairs.length === 0) {
    process.exitCode = EXIT.failed;
    tellRepairs(output, plan.repairs, 'would-repair');
    for (const { kind, line, id, message } of plan.left)
      output.data({ kind, line, id, message }, [kind, line, id, message]);
    return;
  }
  if (!yes && !(await isConfirmed('repair this?'))) {
    say('nothing was changed');
    process.exitCode = EXIT.failed;
    return;
  }
  const { repair } = await loaded('the code of repairs', import('../../file/repair/repair.js'));
  await repair(store, plan, { releaseHeld });
  tellRepairs(output, plan.repairs, 'repaired');
  output.text('\nafter the repair:');
  tell(output, await inspect(store));
}

function tellRepairs(output: Output, repairs: readonly Repair[], verb: 'repaired' | 'would-repair'): void {
  for (const { finding, step, what } of repairs) {
    const { kind, line, id, message } = finding;
    output.data({ kind, line, id, message, repair: step, what, done: verb === 'repaired' }, [
      verb,
      kind,
      line,
      id,
      what,
    ]);
  }
}

function describePlan({ repairs, left }: RepairPlan): string {
  const lines =
    repairs.length === 0
      ? ['nothing of this can be repaired without a person:']
      : [
          'to repair:',
          describe(
            repairs.map(({ finding, what }) => ({ ...finding, message: `${finding.message}\n  → ${what}` })),
          ),
        ];
  if (left.length > 0)
    lines.push(...(repairs.length === 0 ? [] : ['', 'only you can repair this:']), describe(left));
  return lines.join('\n');
}

function describe(findings: readonly Finding[]): string {
  const counts = new Map<string, number>();
  const lines: string[] = [];
  for (const { kind, line, message } of findings) {
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    if (count <= MOST_SHOWN) {
      const [first, ...more] = message.split('\n  → ');
      const where = line === undefined ? '' : `line ${line}: `;
      lines.push([`${kind}: ${where}${first?.replaceAll('\n', '\\n')}`, ...more].join('\n  → '));
    }
  }
  for (const [kind, count] of counts) {
    if (count > MOST_SHOWN) lines.push(`${kind}: ${count - MOST_SHOWN} more (all with --plain)`);
  }
  return lines.join('\n');
}
