/** Scripts and styles come from this server alone, nothing is inline, and no other page may show this one in a frame. */
const POLICY = [
  "default-src 'none'",
  ...['style-src', 'script-src', 'img-src', 'connect-src', 'form-action'].map((name) => `${name} 'self'`),
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

/** The headers of every answer, the refused ones as well. */
export const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/** Answers must not stay in a cache, unless they say otherwise themselves. */
export const NO_STORE = 'no-store';
