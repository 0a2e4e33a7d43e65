// The schedules of the torture: each second or two, with every overlap.

const OVERLAPS = /** @type {const} */ (['skip', 'queue', 'cancel', 'allow']);

/** @type {Record<string, import('tsvq').ScheduleSpec>} */
export const SCHEDULES = Object.fromEntries(
  Array.from({ length: 20 }, (_, n) => {
    const overlap = OVERLAPS[n % 4] ?? 'skip';
    const all = n % 3 === 0 && (overlap === 'queue' || overlap === 'allow');
    /** @type {import('tsvq').ScheduleSpec} */
    const spec = {
      type: 'slot',
      payload: {},
      every: n % 5 === 4 ? '2s' : '1s',
      overlap,
      ...(all && { catchUp: 'all', catchUpWithin: '20s' }),
    };
    return [`schedule ${n}`, spec];
  }),
);
