import type { Request } from './asked.js';

/** Reads the fields of a form that a request sends; a field that was sent twice has its last value. */
export async function readForm({ req }: Request): Promise<(name: string) => string> {
  const fields = await req.parseBody();
  return (name) => {
    const value = fields[name];
    return typeof value === 'string' ? value : '';
  };
}
