/** Only to read a path as browsers read it. */
const HERE = 'http://here.invalid';

/**
 * Returns the path within the dashboard that a form wants to return to. Anything else could lead to another site, so the
 * list of jobs takes its place.
 */
export function backOf(base: string, given: string): string {
  const url = URL.canParse(given, HERE) ? new URL(given, HERE) : undefined;
  // A path that begins with two slashes names a host.
  const isInside =
    url?.origin === HERE &&
    !url.pathname.startsWith('//') &&
    (url.pathname === base || url.pathname.startsWith(`${base}/`));
  return isInside ? `${url.pathname}${url.search}` : `${base}/jobs`;
}

/** What was done, for the page that says so: see `flashOf`. */
export interface Done {
  readonly did: string;
  /** How many. */
  readonly n: number;
  /** How many could not be changed. Default: 0 */
  readonly left?: number;
  /** How many are still to be changed, because they were too many for one request. Default: 0 */
  readonly more?: number;
}

/** Adds to a path what was done. */
export function withDone(path: string, done: Done): string {
  const url = new URL(path, HERE);
  for (const [name, value] of Object.entries(done))
    if (value === 0 && name !== 'n') url.searchParams.delete(name);
    else url.searchParams.set(name, String(value));
  return `${url.pathname}${url.search}`;
}
