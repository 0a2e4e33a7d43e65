/** Returns the name of a type's dedupe key in a map. Neither part can have a TAB. */
export const keyName = (type: string, key: string): string => `${type}\t${key}`;
