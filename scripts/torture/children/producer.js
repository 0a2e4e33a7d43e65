// Adds jobs in every way there is: one after another, many at once, many with one call.
import { openQueue } from 'tsvq';
import { ask, inTheMiddle, order, pick, random, sleep, upTo } from './actor.js';
import { GROUPS, LIMITS } from './limits.js';

/** More than so many that wait are enough. */
const PLENTY = 250;

const queue = openQueue(order.file, order.options);
let count = 0;

function job() {
  const tag = `${order.name}-${count++}`;
  const isLimited = order.limits === true && random() < 0.25;
  const types = isLimited ? Object.keys(LIMITS) : ['work', 'work', 'work', 'parent', 'flaky'];
  const type = pick(types) ?? 'work';
  const group = isLimited ? pick(GROUPS) : '';
  const options = {
    ...(group !== '' && { group }),
    ...(random() < 0.1 ? { delay: upTo(order.longestDelay) } : {}),
    ...(random() < 0.2 ? { priority: upTo(3) } : {}),
  };
  return { type, payload: { tag, failures: upTo(4), text: 'x'.repeat(upTo(upTo(3000))) }, options };
}

/** @param {number} most */
const jobs = (most) => Array.from({ length: 1 + upTo(most) }, job);

/** @param {ReturnType<typeof job>[]} all */
const what = (all) => ({ op: 'add', tags: all.map(({ payload }) => payload.tag) });

/** @param {ReturnType<typeof job>} one */
const add = (one) =>
  ask(
    what([one]),
    () => queue.enqueue(one.type, one.payload, one.options),
    (id) => ({ ids: [id] }),
  );

const POLICIES = /** @type {const} */ (['return', 'reject', 'replace', 'replace', 'update']);

/** A job whose key others have as well. */
function addKeyed() {
  const tag = `${order.name}-${count++}`;
  const dedupeKey = `key ${upTo(2)}`;
  const onDuplicate = pick(POLICIES) ?? 'return';
  return ask(
    { op: 'add keyed', tags: [tag], key: dedupeKey },
    () => queue.add('keyed', { tag, failures: upTo(2) }, { dedupeKey, onDuplicate }),
    ({ id, outcome }) => ({ ids: [id], outcome }),
  );
}

for (;;) {
  const { pending } = await queue.stats();
  if (pending > PLENTY) {
    await sleep(30);
    continue;
  }
  inTheMiddle();
  if (random() < 0.3) await Promise.all(Array.from({ length: 1 + upTo(2) }, addKeyed));
  if (random() < 0.4) {
    const many = jobs(12);
    await ask(
      what(many),
      () => queue.enqueueMany(many),
      (ids) => ({ ids }),
    );
  } else if (random() < 0.5) await Promise.all(jobs(6).map(add));
  else for (const one of jobs(3)) await add(one);
  await sleep(upTo(15));
}
