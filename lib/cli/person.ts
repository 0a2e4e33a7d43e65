import { userInfo } from 'node:os';

/** Returns the name of the person at the terminal. Under sudo, it isn't that of the process's user. */
export const personName = (): string => process.env.SUDO_USER ?? userInfo().username;
