/** The length from which a secret is found inside a word. A shorter one may be part of another word by chance. */
const TELLING = 4;

/** The most forms of secrets to search for, because more would block the worker. */
const MOST_SECRETS = 1000;

/**
 * Replaces each secret in a text of a server by `…`. It finds them unchanged, as JSON, HTML and URLs write them, and in
 * base64.
 *
 * @param {string} text
 * @param {readonly string[]} secrets
 */
export function masked(text, secrets) {
  const known = [...new Set(secrets)].filter((secret) => secret.trim() !== '');
  if (known.length === 0) return text;
  const forms = new Set(known.flatMap(formsOf));
  if (forms.size > MOST_SECRETS) return '';
  // The longest first, so that none is broken up by a part of it.
  const patterns = [...forms].sort((a, b) => b.length - a.length).map(patternOf);
  const telling = known.filter((secret) => secret.length >= TELLING);
  return text
    .replace(/[\w+/-]{6,}={0,2}/g, (word) => {
      const decoded = Buffer.from(word, 'base64').toString();
      // A server may have cut the secret.
      return telling.some((secret) => decoded.includes(secret.slice(0, TELLING))) ? '…' : word;
    })
    .replace(new RegExp(patterns.join('|'), 'giu'), '…');
}

/** Lists the forms in which a text may quote a secret. @param {string} secret */
function formsOf(secret) {
  const inJson = JSON.stringify(secret).slice(1, -1);
  // Also lists the secret on one line, as an answer is searched, and in JSON that is quoted in JSON.
  const texts = [secret, secret.replace(/\s+/g, ' ').trim(), inJson, JSON.stringify(inJson).slice(1, -1)];
  const inHtml = texts.map((text) =>
    text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
  );
  return [
    ...texts,
    ...inHtml,
    ...inHtml.map((text) => text.replaceAll('"', '&quot;')),
    encodeURIComponent(Buffer.from(secret).toString()),
    Buffer.from(secret).toString('base64'),
  ].filter((form) => form !== '');
}

/** Returns the pattern that finds a form. @param {string} form */
function patternOf(form) {
  const pattern = form.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  return form.length < TELLING ? `(?<![\\p{L}\\p{N}_])${pattern}(?![\\p{L}\\p{N}_])` : pattern;
}
