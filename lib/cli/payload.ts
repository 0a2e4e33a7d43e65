import { arrayBuffer } from 'node:stream/consumers';
import { parseJson } from '../file/format/parse-json.js';
import { TsvqError } from '../job/errors.js';
import { usageError } from './exit.js';

/** Reads a payload. @param json `-` for stdin @throws CliError (usage) unless it is JSON */
export async function payloadOf(json: string): Promise<unknown> {
  const input = json === '-' ? await arrayBuffer(process.stdin) : undefined;
  try {
    // Invalid UTF-8 would become another text.
    const text = input === undefined ? json : new TextDecoder('utf-8', { fatal: true }).decode(input);
    return parseJson(text, 'payload');
  } catch (error) {
    if (error instanceof TsvqError) throw error;
    const what = json === '-' ? 'stdin' : `the payload ${json}`;
    throw usageError(
      `${what} is not JSON: ${(error as Error).message} (text needs its own quotes: '"text"')`,
    );
  }
}
