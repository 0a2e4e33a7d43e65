import { invalid, onlyKnown } from '../job/checks.js';
import type { Job } from '../job/job.js';
import { redaction } from './redaction.js';

/** What a request may do: nothing, look, or also change jobs. */
export type Access = 'none' | 'read' | 'write';

/** What a request may do, and who makes it. */
export interface Visitor {
  readonly access: Access;
  /** The name of the person, for `onAction` and for pauses. */
  readonly user?: string | undefined;
}

/** A change that a person has made on the page, or by the page's JSON interface. */
export interface Action {
  /** What was done. */
  readonly action:
    | 'retry'
    | 'cancel'
    | 'promote'
    | 'dismiss'
    | 'pause'
    | 'resume'
    | 'pause-schedule'
    | 'resume-schedule'
    | 'run-schedule';
  /** The ids of the jobs; for a pause the type, or `*`; for a schedule its name. */
  readonly of: readonly string[];
  /** How many were changed. */
  readonly changed: number;
  /** Who did it, as `access` has told; undefined if it has not. */
  readonly user: string | undefined;
  readonly at: Date;
  readonly request: Request;
}

/** How a dashboard is built into an app. */
export interface DashboardOptions {
  /**
   * Says what a request may do. It is asked for each request, also those for styles and scripts. There is no default,
   * because a dashboard shows payloads, and cancels jobs.
   */
  access: (request: Request) => Access | Visitor | Promise<Access | Visitor>;
  /** The path that the dashboard is mounted at. Default `''`, the root. */
  base?: string;
  /**
   * Returns the job as it is to be shown, without what people must not see in its payload, result, error, meta,
   * dedupeKey or progress.message; changes of other fields are ignored. A search finds only what it leaves, and no log is shown. It gets a copy. If it throws, or
   * answers no job, all of these are hidden. Default: the job as it is.
   */
  redact?: (job: Job) => Job;
  /** Is told of each change. What it throws is ignored. */
  onAction?: (action: Action) => void | Promise<void>;
}

/** The options of a dashboard, checked. */
export interface DashboardSettings {
  readonly access: (request: Request) => Promise<Visitor>;
  /** Without a slash at its end. */
  readonly base: string;
  /** Given its own answer, it returns that. */
  readonly redact: ((job: Job) => Job) | undefined;
  readonly onAction: (action: Action) => void;
}

const KNOWN: readonly (keyof DashboardOptions)[] = ['access', 'base', 'redact', 'onAction'];

/** Checks the options of a dashboard. @throws TsvqError `INVALID_ARGUMENT` */
export function resolveDashboardOptions(options: DashboardOptions): DashboardSettings {
  onlyKnown('options', options, KNOWN);
  const { access, base = '', redact, onAction } = options;
  if (typeof access !== 'function')
    throw invalid('access', access, "a function that returns 'none', 'read' or 'write' for a request");
  if (typeof base !== 'string' || !/^(\/[\w.~@+-]+)*\/?$/.test(base) || /\/\.\.?(\/|$)/.test(base))
    throw invalid('base', base, "a path that begins with a slash, like '/admin/queue'");
  for (const [name, value] of Object.entries({ redact, onAction }))
    if (value !== undefined && typeof value !== 'function') throw invalid(name, value, 'a function');
  return {
    access: async (request) => visitorOf(await access(request)),
    base: base.replace(/\/+$/, ''),
    redact: redact && redaction(redact),
    onAction: (action) => {
      // The change is made, whatever the app's log does. It may be an async function.
      Promise.resolve(action)
        .then(onAction)
        .catch(() => {});
    },
  };
}

/** Takes what an app's function has returned. Anything unknown is no access. */
function visitorOf(answer: Access | Visitor): Visitor {
  const { access, user } =
    typeof answer === 'object' && answer !== null ? answer : { access: answer, user: undefined };
  return {
    access: access === 'read' || access === 'write' ? access : 'none',
    user: typeof user === 'string' && user !== '' ? user : undefined,
  };
}
