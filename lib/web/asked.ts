import type { Context, Hono } from 'hono';
import type { Job } from '../job/job.js';
import type { Queue } from '../queue.js';
import type { StateOf } from '../view/listed-schedule.js';
import type { Sight } from './live-view.js';
import type { DashboardSettings, Visitor } from './options.js';

/** What every page and answer is made from: the queue, who asks, and where the dashboard is. */
export interface Asked {
  readonly queue: Queue;
  readonly settings: DashboardSettings;
  readonly visitor: Visitor;
  /** Looks at the queue. */
  readonly look: () => Promise<Sight>;
  /** Tells a job's state. It remembers archived ones, because a page that refreshes itself asks again and again. */
  readonly stateOf: StateOf;
}

interface Env {
  readonly Variables: { readonly asked: Asked };
}

/** The routes of a dashboard. */
export type App = Hono<Env>;
/** A request to one of them. */
export type Request = Context<Env>;

/** True if the visitor may change jobs. */
export const mayChange = ({ visitor }: Asked): boolean => visitor.access === 'write';

/** Returns a job as it may be shown. */
export const shownJob = ({ settings: { redact } }: Asked, job: Job): Job =>
  redact === undefined ? job : redact(job);
