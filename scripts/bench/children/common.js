/** What the benchmark asks of this process. */
export const request = JSON.parse(process.argv[2] ?? '{}');

/**
 * A payload of about 80 bytes.
 *
 * @param {number} n
 */
export const payload = (n) => ({
  to: `user${n}@example.com`,
  subject: `Welcome, user ${n}`,
  order: 100_000_000 + n,
});

/** @param {unknown} result what the benchmark gets */
export const report = (result) => process.stdout.write(JSON.stringify(result));
