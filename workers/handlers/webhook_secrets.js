/* What may be secret in a request of webhook. Answers may quote it, and errors are read by many. */

/** The headers of a payload that another host may see. Any other header may be a key. */
export const HARMLESS_HEADERS = [
  'accept',
  'accept-language',
  'content-language',
  'content-type',
  'user-agent',
];

/** The names of headers, and of fields of the body, whose values are secret. */
const SECRET_NAME =
  /authori[sz]|auth(?!or)|cookie|credential|jwt|key(s|id)?$|api[-_]?key|pass|pwd|secret|session|signature|token/i;

/** A header with another name is secret if its value has at least this length. */
const LONG = 8;

/**
 * Lists what may be secret in a URL. Many answers to an unknown path quote it.
 *
 * @param {URL} url
 */
export function secretsOfUrl({ pathname, search, searchParams, username, password }) {
  const whole = [`${pathname}${search}`, pathname, search].flatMap((part) => [part, decoded(part)]);
  // Each key, name and value by itself as well, because a receiver may quote any of them.
  const words = whole.flatMap((part) => [...part.split(/[/?&=]/), ...part.split(/[^\p{L}\p{N}_.~-]+/u)]);
  return [...whole, ...words, ...searchParams.values(), username, password].filter(
    (part) => part.length >= 3,
  );
}

/**
 * Lists what may be secret in headers.
 *
 * @param {Headers} headers
 * @param {{ id: string }} job
 */
export function secretsOfHeaders(headers, job) {
  return [...headers].flatMap(([name, value]) => {
    if (HARMLESS_HEADERS.includes(name) || value === job.id) return [];
    const isNamed = SECRET_NAME.test(name);
    // The parts of a cookie, and the token after Bearer.
    const words = value.split(/[\s,;="]+/).filter((word) => !/^(basic|bearer|digest|token)$/i.test(word));
    const login = /^basic /i.test(value) ? Buffer.from(value.slice(6), 'base64').toString() : '';
    const parts = [...words, login, login.slice(login.indexOf(':') + 1)].filter(
      (part) => part.length >= (isNamed ? 3 : LONG),
    );
    return isNamed || value.length >= LONG ? [value, ...parts] : parts;
  });
}

/** Lists the values of a body's fields with a secret's name. @param {string | undefined} body */
export function secretsOfBody(body) {
  if (body === undefined) return [];
  try {
    return secretsIn(JSON.parse(body), false);
  } catch {
    // A form, or other text.
    const fields = [...new URLSearchParams(body)].filter(([name]) => SECRET_NAME.test(name));
    return [body, ...fields.map(([, value]) => value)];
  }
}

/**
 * Lists the secret values in JSON.
 *
 * @param {unknown} value
 * @param {boolean} isSecret true if a name above it is a secret's
 * @returns {string[]}
 */
function secretsIn(value, isSecret) {
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).flatMap(([name, one]) => secretsIn(one, isSecret || SECRET_NAME.test(name)));
  const isText = typeof value === 'string' || typeof value === 'number';
  return isSecret && isText && String(value).length >= 3 ? [String(value)] : [];
}

/** Decodes a part of a URL, if possible. @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
