import type { Job } from '../../../lib/job/job.js';
import { decoded, type OracleRow } from './oracle.js';

/*
 * The fields of a job by which the library and the oracle are compared.
 */

export function isJson(bytes: string): boolean {
  try {
    JSON.parse(decoded(bytes));
    return true;
  } catch {
    return false;
  }
}

export const shortOf = ({ id, type, status, payload }: Job): unknown[] => [id, type, status, payload];

export const inShort = ({ fields: { id = '', type = '', status, payload = '' } }: OracleRow): unknown[] => [
  decoded(id),
  decoded(type),
  status,
  payload === '' ? undefined : isJson(payload) ? JSON.parse(decoded(payload)) : decoded(payload),
];
