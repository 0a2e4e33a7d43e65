/** Scripts and styles come from this server alone, nothing is inline, and no other page may show this one in a frame. */
const POLICY = [
  "default-src 'none'",
  ...['style-src', 'script-src', 'img-src', 'connect-src', 'form-action'].map((name) => `${name} 'self'`),
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

/** The headers of every answer, the refused ones as well. */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/** Answers must not stay in a cache, unless they say otherwise themselves. */
const NO_STORE = 'no-store';

/** Gives an answer the headers that every answer has. */
export function guarded({ body, status, statusText, headers: own }: Response): Response {
  const headers = new Headers(own);
  for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
  if (!headers.has('cache-control')) headers.set('cache-control', NO_STORE);
  return new Response(body, { status, statusText, headers });
}
