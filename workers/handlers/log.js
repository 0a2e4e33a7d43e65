/**
 * Prints one line on stderr, for a person. It never throws, because a broken log must not fail a finished job.
 *
 * @param {string} message control and format characters, which an answer of a server may hold, are escaped
 */
export function warn(message) {
  const { stderr } = process;
  if (stderr.listenerCount('error') === 0) stderr.on('error', () => {});
  const line = message.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
  stderr.write(`${line}\n`);
}
