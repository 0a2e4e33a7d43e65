import type { View } from '../view.js';
import { type Counters, OUTCOMES, type Outcome } from './counters.js';

/** Counts the jobs that ended since the last count. The view must have read what is new. */
export async function countEnds(counters: Counters, view: View): Promise<void> {
  const { board } = view;
  const archived = await view.archivedEnds(counters.from);
  for (const { name } of board.types) counters.know(name);
  for (let key = 0; key < board.size; key++) {
    const at = board.finishedAt(key);
    if (!counters.isNew(at)) continue;
    const outcome = board.status(key) as Outcome;
    if (!OUTCOMES.includes(outcome)) continue;
    // A process that died in a compaction may have left it in both.
    if (archived.size > 0) for (const { id } of view.jobs([view.keyFor(key)])) archived.delete(id);
    counters.add({ type: board.type(key).name, outcome, at, ran: at - board.startedAt(key) });
  }
  for (const { type, status, startedAt, finishedAt } of archived.values())
    if (OUTCOMES.includes(status as Outcome))
      counters.add({ type, outcome: status as Outcome, at: finishedAt, ran: finishedAt - startedAt });
}
