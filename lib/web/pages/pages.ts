import type { App, Request } from '../asked.js';
import type { Html } from '../html.js';
import { errorsPage } from './errors.js';
import { jobPage } from './job.js';
import { jobsPage } from './jobs.js';
import { overviewPage } from './overview.js';
import { schedulesPage } from './schedules.js';

/** Adds the pages. */
export function addPages(app: App): void {
  const show = (path: string, page: (request: Request) => Html | Response | Promise<Html | Response>): void =>
    void app.get(path, async (request) => {
      const answer = await page(request);
      return answer instanceof Response ? answer : request.html(answer);
    });
  show('/', overviewPage);
  show('/jobs', jobsPage);
  show('/jobs/:id', jobPage);
  show('/errors', errorsPage);
  show('/schedules', schedulesPage);
}
