/** The names that a machine has for itself. A page of another site can't have one of them. */
const OWN = ['localhost', '127.0.0.1', '[::1]'];

/** True for an address that only this machine can reach. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);

/** Writes a host as an address has it: IPv6 in brackets, a name in lower case. */
export const inAddress = (host: string): string =>
  (host.includes(':') && !host.startsWith('[') ? `[${host}]` : host).toLowerCase();

/** Returns the name or number in a `Host` header, without the port; undefined if there is none. */
function nameIn(header: string): string | undefined {
  return /^(\[[\da-f:.]+\]|[^\s:/?#@[\],]+)(?::\d{1,5})?$/i.exec(header)?.[1]?.toLowerCase();
}

/**
 * Makes the check of whether a request is meant for this server. A page of another site may let its own name lead here
 * (DNS rebinding), and browsers then take both for one site. Only the `Host` header tells them apart.
 *
 * @param names the names that the server has besides those of the machine itself
 */
export function hostCheck(names: readonly string[]): (request: Request) => boolean {
  const known = new Set([...OWN, ...names.map(inAddress)]);
  return ({ headers, url }) => {
    const name = nameIn(headers.get('host') ?? '');
    // The first line of a request may name a host as well.
    return name !== undefined && known.has(name) && known.has(new URL(url).hostname);
  };
}
