/** Returns the name of a type's dedupe key in a map. Neither part can have a TAB. */
export const keyName = (type: string, key: string): string => `${type}\t${key}`;

/** Returns the key of a schedule's jobs. A caller's key can't begin with `@`. */
export const scheduleKey = (name: string): string => `@${name}`;

/** True for the key of a schedule's jobs. */
export const isScheduleKey = (key: string): boolean => key.startsWith('@');
