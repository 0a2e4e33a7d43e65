/* Finds the texts in a request of webhook that may be secret. Answers may quote them, and many people read errors. */

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

/** The length from which the value of a header with any other name is secret. */
const LONG = 8;

/**
 * Lists the texts in a URL that may be secret. Many answers to an unknown path quote the path.
 *
 * @param {URL} url
 */
export function secretsOfUrl({ pathname, search, searchParams, username, password }) {
  const whole = [`${pathname}${search}`, pathname, search].flatMap((part) => [part, decoded(part)]);
  // Lists each key, name and value by itself as well, because a receiver may quote any of them.
  const words = whole.flatMap((part) => [...part.split(/[/?&=]/), ...part.split(/[^\p{L}\p{N}_.~-]+/u)]);
  return [...whole, ...words, ...searchParams.values(), username, password].filter(
    (part) => part.length >= 3,
  );
}

/**
 * Lists the values of headers that may be secret.
 *
 * @param {Headers} headers
 * @param {{ id: string }} job
 */
export function secretsOfHeaders(headers, job) {
  return [...headers].flatMap(([name, value]) => {
    if (HARMLESS_HEADERS.includes(name) || value === job.id) return [];
    const isNamed = SECRET_NAME.test(name);
    // Adds the parts of a cookie, and the token after Bearer.
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
    // The body is a form, or other text.
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
