import { hostCheck } from './host.js';
import { exact, type Html, html } from './html.js';
import { refuse } from './refuse.js';
import type { Token } from './token.js';

/** What a server lets in. */
export interface GateSettings {
  readonly token: Token;
  /** The port that the server listens at. */
  readonly port: number;
  /** The names that it has besides those of the machine itself. */
  readonly names: readonly string[];
}

/** Returns undefined if a request may come in, and otherwise what it is answered. */
export type Gate = (request: Request) => Response | undefined;

const PARAMETER = 'token';

/**
 * Makes the gate of a server that has no app around it: it lets in who knows the token. A browser shows it once, in an
 * address, and gets a cookie for it. A program sends it as `Authorization: Bearer TOKEN`.
 */
export function makeGate({ token, port, names }: GateSettings): Gate {
  const isMeantForUs = hostCheck(names);
  // Cookies don't know ports, so the name has to tell one queue's server from another's.
  const cookieName = `tsvq-${port}`;
  return (request) => {
    if (!isMeantForUs(request)) return wrongHost(request);
    const { method, headers, url } = request;
    const address = new URL(url);
    const shown = ['GET', 'HEAD'].includes(method) ? address.searchParams.get(PARAMETER) : null;
    if (shown !== null && token.is(shown)) {
      const cookie = [`${cookieName}=${token.cookie(port)}`, 'Path=/', 'HttpOnly', 'SameSite=Strict'];
      // Said by a proxy with TLS. A lie would harm only the liar's own cookie.
      if (headers.get('x-forwarded-proto') === 'https') cookie.push('Secure');
      return redirect(withoutToken(address), { 'set-cookie': cookie.join('; ') });
    }
    const isKnown =
      cookies(headers, cookieName).some((value) => token.isCookie(value, port)) ||
      token.is(bearer(headers) ?? '');
    if (!isKnown) return unknown(request, address);
    // An old address, say: a page's own addresses have no token.
    return shown === null ? undefined : redirect(withoutToken(address));
  };
}

/** Returns where an address without its token is. It can't lead to another host, as `//host/` would. */
function withoutToken({ pathname, searchParams }: URL): string {
  const query = new URLSearchParams(searchParams);
  query.delete(PARAMETER);
  return `/${pathname.replace(/^\/+/, '')}${query.size === 0 ? '' : `?${query}`}`;
}

const redirect = (location: string, headers: Record<string, string> = {}): Response =>
  new Response(null, { status: 303, headers: { location, ...headers } });

/** Returns the values of all cookies with a name. A browser may have several, for different paths. */
const cookies = (headers: Headers, name: string): string[] =>
  (headers.get('cookie') ?? '')
    .split(';')
    .map((cookie) => cookie.trim())
    .filter((cookie) => cookie.startsWith(`${name}=`))
    .map((cookie) => cookie.slice(name.length + 1));

const bearer = (headers: Headers): string | undefined =>
  /^Bearer +(\S+)$/i.exec(headers.get('authorization') ?? '')?.[1];

const wrongHost = (request: Request): Response =>
  refuse(request, '', {
    status: 403,
    title: 'Unknown host',
    message: `this server is not known as ${request.headers.get('host') ?? 'a host without a name'}; start queue web with --name to let it be`,
  });

function unknown(request: Request, address: URL): Response {
  const answer = refuse(request, '', {
    status: 401,
    title: 'Who are you?',
    message:
      'open the address with the token that queue web has printed; programs send Authorization: Bearer TOKEN',
    more: waysIn(address),
  });
  answer.headers.set('www-authenticate', 'Bearer');
  return answer;
}

/** A browser doesn't send the cookie with a link of another site, but with one of this page. */
function waysIn(address: URL): Html {
  const wanted = withoutToken(address);
  const fields = [...new URLSearchParams(wanted.split('?')[1])].map(
    ([name, value]) => html`<input type="hidden" name="${exact(name)}" value="${exact(value)}">`,
  );
  return html`<form action="${exact(wanted)}">
<p>${fields}<label>Token <input type="password" name="${PARAMETER}" required autocomplete="current-password"></label> <button>Open</button></p>
</form>
<p>If you have opened it in this browser before, <a href="${exact(wanted)}">go on</a>.</p>`;
}
