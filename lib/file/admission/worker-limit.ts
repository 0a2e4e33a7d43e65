import type { TypeRule } from './rule.js';

/**
 * At most `maxWorkers` work at a time. One more may claim jobs of types that none of them runs, because hung jobs of
 * one type must not keep all others waiting.
 */
export const workerLimit: TypeRule = {
  name: 'worker-limit',
  open: (view) => {
    if (!view.isCrowded) return () => true;
    const running = new Set([...view.othersAtWork.values()].flatMap((types) => [...types]));
    return (type) => !running.has(type);
  },
};
