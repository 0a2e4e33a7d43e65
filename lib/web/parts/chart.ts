import { grouped } from '../../view/numbers.js';
import type { Snapshot } from '../../view/snapshot.js';
import { type Html, html } from '../html.js';

type Hour = Snapshot['hour'];

const MINUTE_MS = 60_000;
/** The height of a chart, and the width of one minute in it. */
const HIGH = 100;
const WIDE = 10;

/** Makes the chart of the jobs that ended in the last hour, a bar for each minute. */
export function hourChart(hour: Hour, at: Date): Html {
  const { minutes, failedMinutes } = hour;
  const most = Math.max(...minutes);
  const timeOf = (i: number): string => {
    const start = Math.floor(at.getTime() / MINUTE_MS) - (minutes.length - 1 - i);
    return new Date(start * MINUTE_MS).toISOString().slice(11, 16);
  };
  const last = minutes.length - 1;
  return html`<figure class="chart">
<span class="most" aria-hidden="true">${grouped(most)}</span>
<svg viewBox="0 0 ${minutes.length * WIDE} ${HIGH}" preserveAspectRatio="none" role="img" aria-labelledby="hour-title hour-text">
<title id="hour-title">Jobs that ended in the last hour, by the minute</title>
<desc id="hour-text">${grouped(hour.completed)} done and ${grouped(hour.failed)} failed; at most ${grouped(most)} in a minute, at ${timeOf(minutes.indexOf(most))} UTC.</desc>
<path class="guide" d="M0 .5H${minutes.length * WIDE}M0 ${HIGH / 2}H${minutes.length * WIDE}"/>
${minutes.map((ended, i) => minuteBar(i, ended, failedMinutes[i] as number, most, timeOf(i)))}
</svg>
<figcaption aria-hidden="true"><span>${timeOf(0)}</span><span>${timeOf(Math.round(last / 2))}</span><span>${timeOf(last)} UTC</span></figcaption>
</figure>`;
}

/** The failed jobs lie on top of the others. The whole height answers to a pointer. */
function minuteBar(i: number, ended: number, failed: number, most: number, time: string): Html {
  const bar = (name: string, from: number, to: number): Html | false =>
    to > from &&
    html`<rect class="${name}" x="${i * WIDE + 1}" y="${heightOf(most - to, most)}" width="${WIDE - 2}" height="${heightOf(to - from, most)}"/>`;
  return html`<g><title>${time} UTC: ${ended - failed} done, ${failed} failed</title><rect class="whole" x="${i * WIDE}" y="0" width="${WIDE}" height="${HIGH}"/>${bar('done', 0, ended - failed)}${bar('failed', ended - failed, ended)}</g>`;
}

const heightOf = (count: number, most: number): number => Math.round((count / most) * HIGH * 100) / 100;

/** The bars of a small chart, and their size. */
const BARS = 30;
const BAR = { wide: 3, step: 4, high: 20 };

/** Makes the small chart of an hour, without words: the table that it stands in has the numbers. */
export function sparkline({ minutes, failedMinutes }: Hour): Html {
  const [ended, failed] = [minutes, failedMinutes].map(sums) as [number[], number[]];
  const most = Math.max(...ended);
  const path = (name: string, from: (i: number) => number, count: (i: number) => number): Html | false => {
    const bars = ended.flatMap((_, i) => {
      const [low, high] = [from(i), from(i) + count(i)].map((n) => BAR.high - (n / most) * BAR.high);
      return count(i) === 0
        ? []
        : [`M${i * BAR.step} ${round(low)}V${round(high)}h${BAR.wide}V${round(low)}z`];
    });
    return bars.length > 0 && html`<path class="${name}" d="${bars.join('')}"/>`;
  };
  const done = (i: number): number => (ended[i] as number) - (failed[i] as number);
  return html`<svg class="spark" width="${BARS * BAR.step}" height="${BAR.high}" aria-hidden="true">${path(
    'done',
    () => 0,
    done,
  )}${path('failed', done, (i) => failed[i] as number)}</svg>`;
}

const round = (number: number | undefined): number => Math.round((number ?? 0) * 10) / 10;

/** Adds neighbours, so that there are as many numbers as bars. */
function sums(numbers: readonly number[]): number[] {
  const each = numbers.length / BARS;
  return Array.from({ length: BARS }, (_, i) =>
    numbers.slice(i * each, (i + 1) * each).reduce((sum, number) => sum + number, 0),
  );
}
