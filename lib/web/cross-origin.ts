const SAFE = ['GET', 'HEAD', 'OPTIONS'];

/**
 * True if a browser sent a request for another site's page, which must not change anything. A browser says where a
 * request comes from in `Sec-Fetch-Site`, and an old one in `Origin`; a program that is no browser says neither, and
 * can't be misled into a request.
 */
export function isForeign(request: Request): boolean {
  if (SAFE.includes(request.method)) return false;
  const site = request.headers.get('sec-fetch-site');
  if (site !== null) return site !== 'same-origin' && site !== 'none';
  const origin = request.headers.get('origin');
  if (origin === null) return false;
  const host = request.headers.get('host') ?? new URL(request.url).host;
  // `null` is the origin of a sandboxed page.
  if (!URL.canParse(origin)) return true;
  const { protocol, host: from } = new URL(origin);
  // A proxy with TLS in front makes http of https, so only the hosts are compared, without a port that goes without saying.
  const to = `${protocol}//${host}`;
  return !['http:', 'https:'].includes(protocol) || !URL.canParse(to) || new URL(to).host !== from;
}
