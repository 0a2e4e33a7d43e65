/** How many buckets double the time. So the middle of a bucket is within 4.5 % of each time in it. */
const PER_DOUBLING = 8;
/** The number of buckets; the last one begins after ten days. */
export const BUCKETS: number = 30 * PER_DOUBLING;

/** Returns the bucket of a time in ms. */
export const bucketOf = (ms: number): number =>
  ms < 1 ? 0 : Math.min(BUCKETS - 1, Math.floor(Math.log2(ms) * PER_DOUBLING) + 1);

/** Returns the middle of a bucket, in ms. */
const middleOf = (bucket: number): number => (bucket === 0 ? 0.5 : 2 ** ((bucket - 0.5) / PER_DOUBLING));

/** Returns the time that a share of all counted times doesn't exceed, in ms, within 4.5 %; undefined if there are none. */
export function percentile(counts: ArrayLike<number>, share: number): number | undefined {
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += counts[i] as number;
  if (total === 0) return undefined;
  const rank = Math.max(1, Math.ceil(total * share));
  let seen = 0;
  for (let i = 0; i < counts.length; i++) {
    seen += counts[i] as number;
    if (seen >= rank) return middleOf(i);
  }
  return undefined;
}
