import { isInstance, TsvqError } from './errors.js';

/**
 * Checks the address that a worker pings. Errors show at most its scheme and host, because the rest is a secret: who has
 * it can ping, too.
 *
 * @throws TsvqError `INVALID_ARGUMENT`
 */
export function pingUrl(name: string, value: unknown): URL {
  const url = parsed(value);
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url;
  const shown =
    url !== undefined
      ? `an address that begins with ${url.protocol}`
      : typeof value === 'string'
        ? `a text of ${value.length} characters that is no address`
        : `no address (${typeof value})`;
  throw new TsvqError(
    'INVALID_ARGUMENT',
    `${name} is ${shown} (not shown, as it may be a secret); it must be the whole address that a monitoring service ` +
      'gives for a check, and begin with https:// or http://',
  );
}

function parsed(value: unknown): URL | undefined {
  if (typeof value !== 'string' && !isInstance(URL, value)) return undefined;
  try {
    return new URL(value);
  } catch {
    return undefined;
  }
}
