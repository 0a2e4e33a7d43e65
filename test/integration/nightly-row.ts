import { scheduleId } from '../../lib/file/format/derived-id.js';
import { line } from '../support/queue-file.js';

/** The id of the schedule `nightly`. */
export const NIGHTLY: string = scheduleId('nightly');
/** The row of a schedule: each night in Berlin, but for the fields that are given. */
export const nightly = (fields: Parameters<typeof line>[0] = {}): string =>
  line({
    id: NIGHTLY,
    type: 'backup',
    status: 'recurring',
    payload: '{"n":1}',
    run_at: 4e9,
    meta: '{"@schedule":{"name":"nightly","cron":"30 2 * * *","timezone":"Europe/Berlin"}}',
    ...fields,
  });
