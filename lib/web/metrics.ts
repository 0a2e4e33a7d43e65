import { accepts } from 'hono/accepts';
import { errorMessage } from '../job/errors.js';
import { exposition } from '../view/metrics/exposition.js';
import { factsOf } from '../view/metrics/facts.js';
import { gauges } from '../view/metrics/gauges.js';
import { LiveCounters } from '../view/metrics/live-counters.js';
import type { App } from './asked.js';

const TEXT = 'text/plain';
const OPEN_METRICS = 'application/openmetrics-text';
const TYPES = {
  [TEXT]: `${TEXT}; version=0.0.4; charset=utf-8`,
  [OPEN_METRICS]: `${OPEN_METRICS}; version=1.0.0; charset=utf-8`,
};

/** Adds the metrics, and the answer to whether all is well. */
export function addMetrics(app: App): void {
  const counters = new LiveCounters(Date.now());
  app.get('/metrics', async (request) => {
    const { view, look } = await request.get('asked').look();
    const facts = factsOf(view, look);
    const ends = await counters.count(view, look.snapshot.at.getTime());
    const isOpen =
      accepts(request, { header: 'Accept', supports: [TEXT, OPEN_METRICS], default: TEXT }) === OPEN_METRICS;
    request.header('content-type', TYPES[isOpen ? OPEN_METRICS : TEXT]);
    request.header('vary', 'Accept');
    return request.body(exposition([...gauges(facts), ...ends], isOpen));
  });
  app.get('/healthz', async (request) => {
    try {
      const { problems } = (await request.get('asked').look()).look;
      const codes = [...new Set(problems.map(({ code }) => code))];
      const isWell = codes.length === 0;
      return request.json({ level: isWell ? 'ok' : 'problem', problems: codes }, isWell ? 200 : 503);
    } catch (error) {
      // A queue that can't be read is not well.
      return request.json({ level: 'problem', problems: ['other'], error: errorMessage(error) }, 503);
    }
  });
}
