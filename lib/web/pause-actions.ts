import { invalid } from '../job/checks.js';
import { tell } from './act.js';
import type { App, Asked } from './asked.js';
import { changing } from './changing.js';
import { readForm } from './form.js';
import { overviewPage } from './pages/overview.js';

/** Adds the form that pauses a type, or all, or resumes them. */
export function addPauseActions(app: App): void {
  app.post('/pause', async (request) => {
    const asked = request.get('asked');
    const form = await readForm(request);
    const [type, act] = [form.get('type') ?? '', form.get('act') ?? ''];
    return changing(
      request,
      async () => {
        const isChanged = await pauseOrResume(asked, type, act);
        tell(asked, {
          action: act as 'pause',
          of: [type],
          changed: Number(isChanged),
          request: request.req.raw,
        });
        return `${asked.settings.base}/?did=${act}${type === '*' ? '-all' : ''}&n=${Number(isChanged)}`;
      },
      overviewPage,
    );
  });
}

/** @returns false if nothing starts again because of it */
async function pauseOrResume(
  { queue, visitor: { user } }: Asked,
  type: string,
  act: string,
): Promise<boolean> {
  if (act === 'resume') return queue.resume(type);
  if (act !== 'pause') throw invalid('act', act, 'pause or resume');
  await queue.pause(type, { by: user });
  return true;
}
