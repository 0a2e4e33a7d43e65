/**
 * Jobs that have been waiting for a while: the planner knows the tables, and what was written is in its place.
 *
 * @param {(text: string) => Promise<unknown>} sql
 */
export async function settle(sql) {
  await sql('VACUUM ANALYZE');
  await sql('CHECKPOINT');
}
