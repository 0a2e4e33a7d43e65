import type { App } from './asked.js';

/** Adds the JSON interface. */
export function addApi(_app: App): void {}
