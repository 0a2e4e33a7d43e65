import { errorMessage, TsvqError } from '../job/errors.js';
import type { Request } from './asked.js';

/** Reads the fields of a form that a request sends. @throws TsvqError `INVALID_ARGUMENT` if it sends none */
export async function readForm({ req }: Request): Promise<URLSearchParams> {
  const form = await req.formData().catch((error: unknown) => {
    throw new TsvqError('INVALID_ARGUMENT', `the request is no form: ${errorMessage(error)}`);
  });
  const fields = new URLSearchParams();
  // Browsers send each line end as two characters.
  for (const [name, value] of form)
    if (typeof value === 'string') fields.append(name, value.replaceAll('\r\n', '\n'));
  return fields;
}
