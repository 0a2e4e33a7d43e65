import { CHANGES } from '../view/changes.js';
import type { ChangeName } from './act.js';
import { otherMethods, Refusal, refused, route } from './api/answer.js';
import { changeJob, changeJobs, pause, pauseSchedule, runSchedule } from './api/changes.js';
import { errors, job, jobs, schedules, status } from './api/reads.js';
import type { App, Request } from './asked.js';

type Routes = Readonly<Record<string, (request: Request) => Promise<unknown>>>;

/** Adds the JSON interface, which docs/page-api.md describes. */
export function addApi(app: App): void {
  const reads: Routes = {
    '/api/status': status,
    '/api/jobs': jobs,
    '/api/errors': errors,
    '/api/schedules': schedules,
  };
  const changes: Routes = {
    ...Object.fromEntries(
      (Object.keys(CHANGES) as ChangeName[]).flatMap((name) => [
        [`/api/jobs/${name}`, changeJobs(name)],
        [`/api/jobs/:id/${name}`, changeJob(name)],
      ]),
    ),
    '/api/schedules/:name/pause': pauseSchedule(true),
    '/api/schedules/:name/resume': pauseSchedule(false),
    '/api/schedules/:name/run': runSchedule,
    '/api/pause': pause,
  };
  for (const [path, handler] of Object.entries(reads)) {
    route(app, 'GET', path, handler);
    app.all(path, otherMethods('GET, HEAD'));
  }
  for (const [path, handler] of Object.entries(changes)) {
    route(app, 'POST', path, handler);
    app.all(path, otherMethods('POST'));
  }
  // After the names of changes, which would be ids.
  route(app, 'GET', '/api/jobs/:id', job);
  app.all('/api/jobs/:id', otherMethods('GET, HEAD'));
  app.all('/api/*', (request) =>
    refused(request, new Refusal(404, 'NOT_FOUND', `there is no ${new URL(request.req.url).pathname}`)),
  );
}
