import type { Filter, Page } from './query.js';

/** The most jobs that a search finds. */
export const MOST_FOUND = 20_000;

/** A filter of jobs, and a text that they must have. */
export interface TextFilter extends Filter {
  /** In the id, type, payload, error, result, key, group or labels; upper and lower case apart. Empty: any. */
  readonly text?: string;
}

/** A part of the jobs that a filter allows. */
export interface FoundPage extends Page {
  /** True if more jobs than {@link MOST_FOUND} have the text, so that some are missing. */
  readonly hasMore: boolean;
}
