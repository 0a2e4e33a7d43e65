/** The jobs that a job waits for, and what comes of it if one of them fails or is cancelled. */
export interface After {
  /** The ids of the jobs that have to end first. */
  readonly ids: readonly string[];
  /** `run`: the job starts when all have ended, in whatever way. `cancel`: it is cancelled if one hasn't completed. */
  readonly else: 'run' | 'cancel';
}

/** Reads the field `after`. Returns undefined if it is empty, or damaged by an edit. */
export function decodeAfter(field: string): After | undefined {
  if (field === '') return undefined;
  try {
    const value = JSON.parse(field) as Partial<After> | null;
    const ids: unknown = value?.ids;
    if (!Array.isArray(ids) || ids.length === 0 || !ids.every((id) => typeof id === 'string'))
      return undefined;
    return value?.else === 'run' || value?.else === 'cancel' ? { ids, else: value.else } : undefined;
  } catch {
    return undefined;
  }
}
