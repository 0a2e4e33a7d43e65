import { errorMessage, TsvqError } from '../job/errors.js';
import type { Request } from './asked.js';

/** Reads the fields of a form that a request sends; a field that was sent twice has its last value. @throws TsvqError */
export async function readForm({ req }: Request): Promise<(name: string) => string> {
  const fields = await req.parseBody().catch((error: unknown) => {
    throw new TsvqError('INVALID_ARGUMENT', `the request is no form: ${errorMessage(error)}`);
  });
  return (name) => {
    const value = fields[name];
    return typeof value === 'string' ? value : '';
  };
}
