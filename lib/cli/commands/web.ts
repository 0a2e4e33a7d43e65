import { hostname } from 'node:os';
import type { Command } from 'commander';
import { durationText } from '../../job/checks.js';
import { harmless, isoSeconds } from '../../view/text.js';
import { isLoopback } from '../../web/host.js';
import type { Action } from '../../web/options.js';
import { type Served, type ServeSettings, serve } from '../../web/serve.js';
import { Token } from '../../web/token.js';
import type { Cli } from '../cli.js';
import { CliError, EXIT, usageError } from '../exit.js';
import { type About, about } from '../help.js';
import { say, writeErr } from '../output.js';
import { personName } from '../person.js';

interface Options {
  port: string;
  host: string;
  name: string[];
  readOnly: boolean;
  insecure: boolean;
  maxAge: string;
}

/** How long a change that is under way may keep the process alive after a signal. */
const LEFTOVERS_MS = 1000;

/** The shortest token that can't be guessed. */
const SHORTEST = 16;

const ABOUT: About = {
  text: `Serves a web page of the queue: what is wrong, figures, jobs, errors and schedules, with a search and with buttons to retry,
cancel and pause. It prints the address to open, and ends with SIGINT or SIGTERM. Each change is logged on stderr: when, who, what,
how many.

Only this machine can reach it, and only with the token in the address: other users of the machine see nothing. The browser
gets a cookie for the token, so open the address once. \`QUEUE_WEB_TOKEN\` in the environment sets the token; otherwise each
start has a new one. Programs, as Prometheus, send it as \`Authorization: Bearer TOKEN\`.

From another machine, take SSH along: \`ssh -L 8787:127.0.0.1:8787 SERVER\`, then open the same address there. Or put a proxy with
TLS in front, which passes the header \`Host\` on, and name its host with \`--name\`. A request for an unknown host is refused. In
a container, \`--host 0.0.0.0 --insecure\` lets the published port lead to it.

An app can serve the page itself, behind its own login: see [the API page](api.md#the-web-page).`,
  plain: 'the address.',
  exits:
    '0 after SIGINT or SIGTERM; 1 if the port is taken, or may not be used; 2 if an argument or option can’t be used; 3 if there is no queue file.',
  examples: ['queue web', 'queue web --read-only --port 0', 'queue web --name queue.example.com'],
};

export function define(command: Command, cli: Cli): void {
  command
    .option('--port <number>', 'the port to listen at; 0: any that is free', '8787')
    .option(
      '--host <host>',
      'the address to listen at; others than that of this machine need --insecure',
      '127.0.0.1',
    )
    .option('--name <host...>', 'a host that the page is known as, as that of a proxy')
    .option('--read-only', 'refuse all changes')
    .option('--insecure', 'let other machines reach it without TLS')
    .option(
      '--max-age <time>',
      'the longest time without a worker, and the longest wait of a due job',
      '10m',
    );
  about(command, ABOUT).action(async (options: Options) => {
    const { output, queue } = cli;
    const { token, isOwn } = tokenFrom(process.env.QUEUE_WEB_TOKEN);
    const settings: ServeSettings = { ...read(options), token, user: personName(), onAction: log };
    const served = await serve(queue, settings).catch((error: unknown) => {
      throw explained(error, settings);
    });
    // Before the address is told, because its reader may end this at once.
    const isEnded = ended();
    // The token of the environment is a secret that others of a log's readers need not know.
    const url = isOwn ? served.url : `${served.url}?token=${token.text}`;
    output.record({ url }, `${queue.file} is at ${url}`, [url]);
    if (output.format === 'human') tellMore(served, settings, isOwn);
    await isEnded;
    await served.close();
    setTimeout(() => process.exit(), LEFTOVERS_MS).unref();
  });
}

type Read = Omit<ServeSettings, 'token' | 'user' | 'onAction'>;

/** Checks the options. */
function read({ port, host, name = [], readOnly = false, insecure = false, maxAge }: Options): Read {
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
    throw usageError(`--port is ${port}; it must be a number from 0 to 65535`);
  for (const [option, value] of [['--host', host], ...name.map((name) => ['--name', name])] as const)
    if (!/^(\[?[\da-f:.]+\]?|[\w.-]+)$/i.test(value as string))
      throw usageError(`${option} is ${value}; it must be a host, without http:// and without a port`);
  if (!isLoopback(host) && !insecure)
    throw usageError(
      `--host is ${host}, where other machines could reach the page, without TLS: use ssh -L ${port}:127.0.0.1:${port} there, or put a proxy with TLS in front and name its host with --name; --insecure allows it`,
    );
  const patience = { maxAge: durationText('--max-age', maxAge), maxFailed: 0 };
  return { port: Number(port), host, names: name, isReadOnly: readOnly, patience };
}

/** Returns the token that the environment sets, or a random one. */
function tokenFrom(text = ''): { readonly token: Token; readonly isOwn: boolean } {
  if (text === '') return { token: Token.random(), isOwn: false };
  // It is a secret, so no message quotes it.
  if (!/^[\x21-\x7e]*$/.test(text))
    throw usageError('QUEUE_WEB_TOKEN has a space or a character that is not ASCII, which no address takes');
  if (text.length < SHORTEST)
    throw usageError(
      `QUEUE_WEB_TOKEN has ${text.length} characters; it must have at least ${SHORTEST}, as from openssl rand -hex 24`,
    );
  return { token: new Token(text), isOwn: true };
}

/** Says what to do if the system lets no server be there. */
function explained(error: unknown, { port, host }: ServeSettings): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const advice: Record<string, string> = {
    EADDRINUSE: `port ${port} of ${host} is in use, perhaps by another queue web: choose another with --port; --port 0 takes any`,
    EACCES: `port ${port} may not be used by this user: choose one from 1024 on with --port`,
    EADDRNOTAVAIL: `this machine has no address ${host}: choose another with --host`,
    ENOTFOUND: `there is no host ${host}: choose another with --host`,
  };
  const message = advice[code ?? ''];
  return message === undefined ? error : new CliError(EXIT.failed, message);
}

function tellMore({ port }: Served, { host }: ServeSettings, isOwn: boolean): void {
  if (isOwn)
    say('the token is that of QUEUE_WEB_TOKEN: the page asks for it once, or add ?token= and the token');
  if (isLoopback(host))
    say(
      `from another machine: ssh -L ${port}:127.0.0.1:${port} ${hostname()}, then open the same address there`,
    );
  else say('other machines can reach it, and there is no TLS: others on the way can read all that it shows');
}

/** Logs what was done on the page. */
function log({ action, of, changed, user, at }: Action): void {
  const isOfJobs = !/pause|resume|schedule/.test(action);
  const what = isOfJobs ? `${changed} of ${of.length} jobs: ${few(of)}` : of.join(' ');
  writeErr(`${harmless(`${isoSeconds(at)} ${user} ${action} ${what}`)}\n`);
}

const few = (ids: readonly string[]): string =>
  ids.length > 3 ? `${ids.slice(0, 3).join(' ')} …` : ids.join(' ');

/** Resolves at the first signal; the second one acts as usual. */
const ended = (): Promise<void> =>
  new Promise((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => resolve());
  });
