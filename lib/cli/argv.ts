/** The program's options that take a value. */
const WITH_VALUE = ['-f', '--file', '--lock-timeout'];

/** The commands with an `-f` of their own. */
const FOLLOWING = ['tail', 'logs'];

/**
 * Rewrites what the program would take for its own option `-f`, which may stand anywhere: the `-f` of `queue tail` and
 * `queue logs` follows, and a `-` before a field, as in `--sort -finished`, means descending.
 */
export function argsOf(argv: readonly string[]): string[] {
  // `queue help add` means `queue add --help`.
  const given = argv[0] === 'help' ? [...argv.slice(1), '--help'] : [...argv];
  let command: string | undefined;
  const args: string[] = [];
  for (let i = 0; i < given.length; i++) {
    const arg = given[i] as string;
    const next = given[i + 1];
    const follows = FOLLOWING.includes(command ?? '') ? /^-f(n.*)?$/.exec(arg) : null;
    if (follows !== null) args.push('--follow', ...(follows[1] === undefined ? [] : [`-${follows[1]}`]));
    else if (arg === '--sort' && next?.startsWith('-')) {
      args.push(`--sort=${next}`);
      i++;
    } else {
      args.push(arg);
      if (WITH_VALUE.includes(arg) && next !== undefined) {
        args.push(next);
        i++;
      } else if (!arg.startsWith('-')) command ??= arg;
    }
  }
  return args;
}
