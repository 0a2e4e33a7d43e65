import { writeFileSync } from 'node:fs';
import { scheduleId } from '../../lib/file/format/derived-id.js';
import { systemProcesses } from '../../lib/file/lock/process-id.js';
import { dead } from '../support/claims.js';
import { line, struck, writeQueue } from '../support/queue-file.js';

type Fields = Parameters<typeof line>[0];

/** How large a sample is, and when it is taken. */
interface Size {
  /** How many jobs ended in a minute of the last hour. Default: 4 */
  readonly perMinute?: number;
  /** How many ended in the day before. Default: 200 */
  readonly earlier?: number;
  /** True to leave out the jobs whose texts do harm. */
  readonly isHarmless?: boolean;
  /** Now, in ms since 1970. Default: now */
  readonly now?: number;
}

/** A text that does harm on a page that isn't careful. */
const HARMFUL = `"><img src=x onerror="alert(1)"><script>alert(2)</script>'</textarea></pre>\u202egnp.exe`;
/** What stands in the type of jobs with such texts. */
export const HARMFUL_TYPE = `<b onclick="alert(3)">&amp;/?#%`;

/** A type, how many of 100 jobs have it, how long half of them run at most, in s, and what they are given. */
const TYPES: readonly (readonly [
  type: string,
  share: number,
  ran: number,
  payload: (n: number) => unknown,
])[] = [
  ['build_report', 3, 12, (n) => ({ report: 'monthly', account: n, format: 'pdf' })],
  ['import_csv', 1, 60, (n) => ({ file: `uploads/${n}.csv`, delimiter: ';' })],
  ['nightly_cleanup', 1, 20, () => null],
  ['resize_image', 15, 1.5, (n) => ({ image: `photos/${n}.png`, width: 640 })],
  ['send_email', 45, 0.4, (n) => ({ to: `user${n}@example.com`, template: 'order_shipped', order: n })],
  ['sync_crm', 8, 6, (n) => ({ customer: n, fields: ['name', 'email', 'plan'] })],
  [
    'webhook',
    27,
    0.3,
    (n) => ({ url: `https://hooks.${n % 2 ? 'acme' : 'globex'}.example/in`, event: 'order.paid' }),
  ],
];

const at = (file: string, at: number): string =>
  `\\n    at run (file:///srv/app/handlers/${file}.js:${at}:11)`;
const REFUSED = `Error: connect ECONNREFUSED 10.0.4.17:5432${at('sync_crm', 14)}\\n    at async runAttempt (file:///srv/app/node_modules/tsvq/dist/index.js:812:20)`;

/** The errors of each type. */
const ERRORS: Readonly<Record<string, readonly ((n: number) => string)[]>> = {
  build_report: [() => 'Error: job took longer than its time limit of 120000 ms'],
  import_csv: [
    (n) =>
      `TypeError: Cannot read properties of undefined (reading 'name') in line ${n}${at('import_csv', 77)}`,
  ],
  resize_image: [
    (n) => `Error: photos/${n}.png: Input buffer contains unsupported image format${at('resize_image', 9)}`,
  ],
  send_email: [
    () => `Error: connect ETIMEDOUT 203.0.113.25:587${at('send_email', 33)}`,
    (n) => `Error: 550 5.1.1 <user${n}@old.example>: Recipient address rejected${at('send_email', 33)}`,
  ],
  sync_crm: [() => REFUSED],
  webhook: [503, 503, 502, 429].map(
    (code) => (n) => `Error: hooks.${n % 2 ? 'acme' : 'globex'}.example answered ${code}`,
  ),
};

/** Random numbers from 0 to 1, the same each time. */
function randomly(): () => number {
  let state = 7;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Writes the queue of an app of some size in a bad hour: the customer database has been down for 40 minutes. */
export function writeSample(file: string, size: Size = {}): void {
  const sample = new Sample(size);
  sample.addEnded(size);
  sample.addOpen();
  if (size.isHarmless !== true) sample.addHarmful();
  sample.addSchedules();
  writeQueue(file, ...sample.rows);
  writeFileSync(`${file}.tick`, `${sample.now - 28}\n`);
  writeFileSync(`${file}.paused`, `nightly_cleanup\t${sample.now - 5400}\t\tann@office\n`);
}

class Sample {
  readonly rows: string[] = [];
  /** In s. */
  readonly now: number;
  readonly #random = randomly();
  /** The id of the job that was added last. */
  #last = '';

  constructor({ now = Date.now() }: Size) {
    this.now = Math.floor(now / 1000);
  }

  addEnded({ perMinute = 4, earlier = 200 }: Size): void {
    for (let i = 0; i < earlier; i++) this.#addEnded(3600 + this.#random() * 82_800);
    // The busiest minutes of the last hour come in its middle.
    for (let minute = 59; minute >= 0; minute--) {
      const jobs = perMinute * (0.7 + 0.6 * Math.sin((minute / 59) * Math.PI) * this.#random());
      for (let i = 0; i < jobs; i++) this.#addEnded(60 * (minute + this.#random()));
    }
  }

  /** Adds the jobs that wait or run. */
  addOpen(): void {
    const { now } = this;
    for (let i = 0; i < 40; i++)
      this.#add(this.#type(), { run_at: now - 189 + 4 * i, created_at: now - 200 });
    for (let i = 0; i < 30; i++)
      this.#add(this.#type(), { run_at: now + 600 + 240 * i, created_at: now - 60 * i });
    for (let i = 0; i < 24; i++) {
      const type = ['sync_crm', 'sync_crm', 'webhook'][i % 3] as string;
      const run_at = now + 4 + 7 * i;
      this.#add(type, {
        ...this.#failure(type),
        attempts: 1 + (i % 2),
        run_at,
        created_at: now - 500,
        version: 3,
      });
    }
    for (let i = 0; i < 9; i++)
      this.#add('webhook', { status: 'cancelled', finished_at: now - 900 * i - 60, version: 2 });
    for (const [i, [type, since]] of RUNNING.entries())
      this.#add(type, {
        ...{
          status: 'processing',
          version: 2,
          attempts: 1,
          claim_timeout: 7200,
          created_at: now - since - 30,
        },
        ...{ run_at: now - since - 1, started_at: now - since },
        locked_by: i === 0 ? dead() : systemProcesses.self(),
      });
    this.#add('build_report', {
      status: 'waiting',
      after: JSON.stringify({ ids: [this.#last], else: 'run' }),
    });
  }

  addHarmful(): void {
    const { now } = this;
    const payload = JSON.stringify({ html: HARMFUL, [HARMFUL]: [HARMFUL] });
    const ended = {
      version: 3,
      attempts: 1,
      created_at: now - 4000,
      started_at: now - 3700,
      finished_at: now - 3650,
    };
    const names = {
      group: 'a "group" <i>',
      dedupe_key: '<key onclick=alert(4)>',
      meta: JSON.stringify({ label: HARMFUL }),
    };
    const error = escaped(`${HARMFUL}\n    at <anonymous> (file:///x.js:1:1)`);
    this.#add(HARMFUL_TYPE, { ...ended, ...names, payload, status: 'failed', error });
    this.#add(HARMFUL_TYPE, {
      ...ended,
      payload,
      status: 'completed',
      result: JSON.stringify(HARMFUL),
    });
    this.#add(HARMFUL_TYPE, { run_at: now + 90_000, payload, attempts: 1, version: 3, error });
  }

  addSchedules(): void {
    const schedule = (
      type: string,
      spec: Record<string, unknown>,
      run_at: number,
      isPaused = false,
    ): void => {
      const meta = JSON.stringify({ '@schedule': spec, ...(isPaused && { '@paused': true }) });
      this.#add(type, {
        id: scheduleId(String(spec.name)),
        payload: 'null',
        status: 'recurring',
        run_at,
        meta,
      });
    };
    const today = new Date(1000 * this.now);
    const [year, month, day] = [today.getUTCFullYear(), today.getUTCMonth(), today.getUTCDate()];
    const night = Date.UTC(year, month, day, 2, 30) / 1000;
    const first = Date.UTC(year, month + 1, 1, 5) / 1000;
    const monthly = { name: 'monthly-report', cron: '0 6 1 * *', timezone: 'Europe/Berlin' };
    schedule('build_report', monthly, first);
    schedule(
      'nightly_cleanup',
      { name: 'nightly', cron: '30 2 * * *' },
      night + (night > this.now ? 0 : 86_400),
    );
    schedule('sync_crm', { name: 'crm', every: 900 }, 32_503_680_000, true);
  }

  #addEnded(ago: number): void {
    const type = this.#type();
    const [, , typical] = TYPES.find(([name]) => name === type) as (typeof TYPES)[number];
    const finished_at = this.now - ago;
    const started_at = finished_at - typical * (0.3 + 1.4 * this.#random() ** 2);
    const run_at = started_at - (this.#random() < 0.9 ? this.#random() : 40 * this.#random());
    const isDown = type === 'sync_crm' && ago < 2400;
    const times = { created_at: run_at - 60, run_at, started_at, finished_at };
    if (ERRORS[type] !== undefined && this.#random() < (isDown ? 0.8 : type === 'webhook' ? 0.06 : 0.01))
      this.#addFailed(type, times, ago < 3600);
    else this.#add(type, { ...times, status: 'completed', attempts: 1, version: 3 });
  }

  /** Adds a job that has failed three times, with its superseded rows if they matter. */
  #addFailed(
    type: string,
    times: Readonly<Record<'created_at' | 'run_at' | 'started_at' | 'finished_at', number>>,
    isWhole: boolean,
  ): void {
    const error = this.#failure(type);
    const lasted = times.finished_at - times.started_at;
    const first = times.run_at - 330;
    const created_at = first - 2;
    const last: Fields = { ...times, ...error, created_at, status: 'failed', attempts: 3, version: 7 };
    if (!isWhole) return void this.#add(type, last);
    const id = this.#id();
    const payload = this.#payload(type);
    const starts = [first, first + 30, times.run_at];
    for (const [i, run_at] of starts.entries()) {
      const earlier = i === 0 ? {} : error;
      const started = i === 2 ? times.started_at : run_at + 0.4;
      const common: Fields = { id, payload, created_at, run_at };
      this.#add(
        type,
        {
          ...common,
          ...earlier,
          attempts: i,
          version: 2 * i + 1,
          ...(i > 0 && { started_at: starts[i - 1], finished_at: '' }),
        },
        true,
      );
      this.#add(
        type,
        {
          ...common,
          ...earlier,
          status: 'processing',
          attempts: i + 1,
          started_at: started,
          locked_by: dead(i + 1),
          version: 2 * i + 2,
        },
        true,
      );
      if (i === 2) this.#add(type, { ...last, id, payload, finished_at: started + lasted });
    }
  }

  #add(type: string, fields: Fields, isStruck = false): void {
    const whole = line({ id: this.#id(), type, payload: this.#payload(type), ...rounded(fields) });
    this.#last = whole.split('\t', 1)[0] as string;
    this.rows.push(isStruck ? struck(whole) : whole);
  }

  #type(): string {
    let point = 100 * this.#random();
    for (const [type, share] of TYPES) {
      point -= share;
      if (point < 0) return type;
    }
    return 'webhook';
  }

  #failure(type: string): { error: string } {
    const errors = ERRORS[type] as readonly ((n: number) => string)[];
    const n = Math.floor(2000 * this.#random());
    return { error: (errors[n % errors.length] as (n: number) => string)(n >> 2) };
  }

  #payload(type: string): string {
    const payload = TYPES.find(([name]) => name === type)?.[3];
    return JSON.stringify(payload?.(Math.floor(9000 * this.#random())) ?? null);
  }

  #id(): string {
    return [0, 0]
      .map(() =>
        Math.floor(this.#random() * 2 ** 32)
          .toString(16)
          .padStart(8, '0'),
      )
      .join('');
  }
}

/** Types of running jobs, and for how long they have run; the worker of the first is dead. */
const RUNNING = [
  ['build_report', 5160],
  ['import_csv', 316],
  ['build_report', 52],
  ['resize_image', 7.5],
  ['webhook', 1.3],
] as const;

const escaped = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\t', '\\t');

const rounded = (fields: Fields): Fields =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'number' ? Math.round(1000 * value) / 1000 : value,
    ]),
  );
