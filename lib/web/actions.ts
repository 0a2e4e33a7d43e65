import type { App } from './asked.js';

/** Adds the forms that change jobs. */
export function addActions(_app: App): void {}
