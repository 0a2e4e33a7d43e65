/* What holds for all commands, for `queue --help`, the man page and docs/cli.md. */

/** The variables of the environment that each command heeds, and what they set. */
export const VARIABLES: readonly (readonly [name: string, about: string])[] = [
  ['QUEUE_FILE', 'the queue file; `--file` wins; default: data/queue.tsv next to the nearest package.json'],
  [
    'QUEUE_RETENTION',
    "how long finished jobs stay in the file: '30d', or 'completed=1d,failed=90d'; default: 7d, failed 30d",
  ],
  ['QUEUE_ARCHIVE', '0, false or no: drop jobs after that time, instead of moving them to archive/'],
  ['QUEUE_ARCHIVE_RETENTION', 'how long the archive keeps a month after its end; default: for ever'],
  ['QUEUE_MAX_BYTES', "the most that the file may have ('10GB') after a job is added; default: 4 GiB"],
  ['QUEUE_MIN_FREE', "the space that the disk must have ('1GB') for a job to start; default: 0"],
  ['QUEUE_NO_WORKER_AFTER', 'how long no worker may look before adding a job warns; 0: never; default: 10m'],
  ['QUEUE_WEB_TOKEN', 'the token of `queue web`, 16 characters or more; default: a new one at each start'],
  ['QUEUE_ANY_FILE_SYSTEM', '1, true or yes: like `--any-file-system`'],
];

/** What the exit codes mean. */
export const EXIT_CODES: readonly (readonly [code: number, about: string])[] = [
  [0, 'done'],
  [1, 'failed, or something is wrong (`check`, `status`, `doctor`)'],
  [2, "usage: an argument or option can't be used; nothing was changed"],
  [3, 'not found: no such queue file, project, job, schedule or module'],
  [4, 'cancelled: a job that `wait` waited for'],
  [75, 'busy: another process held the lock for too long; try again'],
  [124, 'a job that `wait` waited for did not end in time'],
];

/** What holds for all arguments and all output. */
export const CONVENTIONS = `The beginning of an ID is enough, if no other job's ID begins with it. A time needs a unit: \`30s\`, \`10m\`, \`2h\`, \`7d\`; only 0 needs
none. Data goes to stdout, messages to stderr. The output of \`--json\` and \`--plain\` stays the same; the tables may change.`;

export const EXAMPLES: readonly string[] = [
  `queue add send_email '{"to": "ann@example.com"}' --delay 10m`,
  'queue status',
  'queue errors',
  'queue explain 3fa9',
  'queue retry --type send_email --since 2h --dry-run',
  'queue help add',
];
