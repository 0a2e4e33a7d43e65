import { invalid } from '../job/checks.js';
import type { Queue } from '../queue.js';
import { tell } from './act.js';
import type { App } from './asked.js';
import { changing } from './changing.js';
import { readForm } from './form.js';
import { schedulesPage } from './pages/schedules.js';

/** What can be done with a schedule. Each returns false if it came to nothing. */
const ACTS: Readonly<Record<string, (queue: Queue, name: string) => Promise<boolean>>> = {
  pause: async (queue, name) => {
    if (!(await queue.pauseSchedule(name))) throw unknown(name);
    return true;
  },
  resume: async (queue, name) => {
    if (!(await queue.resumeSchedule(name))) throw unknown(name);
    return true;
  },
  run: async (queue, name) => (await queue.runNow(name)).outcome === 'added',
};

const unknown = (name: string): Error => invalid('name', name, 'the name of a schedule');

/** Adds the form that pauses a schedule, resumes it, or makes a job of it now. */
export function addScheduleActions(app: App): void {
  app.post('/schedules/act', async (request) => {
    const asked = request.get('asked');
    const form = await readForm(request);
    const [name, act] = [form.get('name') ?? '', form.get('act') ?? ''];
    return changing(
      request,
      async () => {
        const make = Object.hasOwn(ACTS, act) ? ACTS[act] : undefined;
        if (make === undefined) throw invalid('act', act, 'pause, resume or run');
        const changed = Number(await make(asked.queue, name));
        const action = `${act as 'pause' | 'resume' | 'run'}-schedule` as const;
        tell(asked, { action, of: [name], changed, request: request.req.raw });
        return `${asked.settings.base}/schedules?did=${action}&n=${changed}`;
      },
      schedulesPage,
    );
  });
}
