const ESCAPES: Record<string, string> = {
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
  '\\': '\\\\',
  '\0': '\uFFFD',
};

/** Escapes a text so that it is one field: no raw TAB, LF, CR or NUL (which has no escape and becomes U+FFFD). */
export const escapeText = (text: string): string =>
  text.replace(/[\t\n\r\\\0]/g, (c) => ESCAPES[c] as string);

/** Undoes {@link escapeText}; a backslash that escapes nothing stays. */
export const unescapeText = (field: string): string =>
  // The text between two escaped backslashes has none itself. One pattern for all four escapes takes five
  // times as long, seconds for a field of many MiB.
  field
    .split('\\\\')
    .map((text) => text.replaceAll('\\t', '\t').replaceAll('\\n', '\n').replaceAll('\\r', '\r'))
    .join('\\');

/** Shortens a text for a message, because fields may have many MiB. */
export const brief = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}…` : text);
