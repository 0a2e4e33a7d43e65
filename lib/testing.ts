/* The module 'tsvq/testing', which users import in their tests. */
export type { TestClock } from './testing/clock.js';
export { type ContextOverrides, context, type Enqueued, type TestContext } from './testing/context.js';
export type { TestDrainOptions } from './testing/drain.js';
export type { PayloadLike } from './testing/payload-like.js';
export { type TestQueue, type TestQueueOptions, testQueue } from './testing/queue.js';
