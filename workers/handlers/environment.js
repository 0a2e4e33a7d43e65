import { domainToASCII } from 'node:url';

/** How long a mail and a request may take where neither the environment nor the job says it. */
const LIMITS = { SEND_EMAIL_TIMEOUT: '60s', WEBHOOK_TIMEOUT: '30s' };

/** @type {Record<string, number>} */
const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** What nodemailer reads of the query of its URL and this handler leaves to it; `pool` is read and has no effect. */
const SMTP_OPTIONS = {
  switches: ['secure', 'ignoreTLS', 'requireTLS', 'opportunisticTLS', 'lmtp', 'pool', 'logger', 'debug'],
  numbers: ['connectionTimeout', 'greetingTimeout', 'socketTimeout', 'dnsTimeout'],
  texts: ['name', 'localAddress', 'authMethod', 'proxy'],
};

/**
 * Checks what the handlers read of the environment, so that the worker can refuse it when it starts. It loads nothing
 * that a tick without jobs would have to pay for.
 *
 * @throws an Error with the code `INVALID_ARGUMENT`, which names the variable and what is wrong with it
 */
export function checkEnvironment() {
  smtpUrl();
  for (const name of /** @type {(keyof typeof LIMITS)[]} */ (Object.keys(LIMITS))) timeLimit(name);
  const { MAIL_FROM } = process.env;
  if (MAIL_FROM && !/[^\s<>@]@[^\s<>@]/.test(MAIL_FROM))
    throw unusable(
      `MAIL_FROM is ${JSON.stringify(MAIL_FROM)}; it must hold an address: App <app@example.com>`,
    );
}

/**
 * The time limit of a handler, in ms. A number without a unit is refused: one program means seconds by it, the next
 * milliseconds.
 *
 * @param {keyof typeof LIMITS} name
 */
export function timeLimit(name) {
  const text = (process.env[name] || LIMITS[name]).trim();
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?) ?(ms|s|m|h)$/.exec(text) ?? [];
  const ms = Number(number) * (UNITS[unit] ?? 0);
  if (ms >= 1 && ms <= 24 * 3_600_000) return ms;
  const isBare = /^\d+$/.test(text) && Number(text) > 0;
  const example = isBare ? `${text}${Number(text) < 1000 ? 's' : 'ms'}` : LIMITS[name];
  throw unusable(
    `${name} is ${JSON.stringify(text)}; it must be a time with its unit (ms, s, m, h), at most 24h: ${example}`,
  );
}

/**
 * The URL of the mail server, if there is one. What is wrong with it is named by its part: the text itself, which may
 * hold a password anywhere, is never quoted.
 */
export function smtpUrl() {
  const text = process.env.SMTP_URL?.trim();
  if (!text) return undefined;
  const [, scheme, authority = '', path = '', query = '', fragment = ''] =
    /^([a-z][a-z\d+.-]*):\/\/([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?$/is.exec(text) ?? [];
  if (scheme === undefined) throw badUrl('is no URL: it does not begin with smtp:// or smtps://');
  if (!/^smtps?$/i.test(scheme)) throw badUrl('has a scheme that is neither smtp nor smtps');
  // The last @ ends the credentials. One behind the host was meant to, but a / ? or # came first.
  if (`${path}${query}${fragment}`.includes('@'))
    throw badUrl('has a / ? # or @ that is not percent-encoded: write %2F %3F %23 %40');
  const at = authority.lastIndexOf('@');
  if (at >= 0) checkCredentials(authority.slice(0, at));
  checkHost(authority.slice(at + 1));
  if (path !== '' && path !== '/') throw badUrl('has a path, which means nothing to a mail server');
  if (fragment) throw badUrl('has a # part, which means nothing to a mail server');
  for (const [name, value] of new URLSearchParams(query)) checkOption(name, value);
  const url = new URL(text);
  // Each mail has a connection of its own: one that is kept for the next mail would keep the worker as well.
  url.searchParams.delete('pool');
  return url.href;
}

/** @param {string} credentials */
function checkCredentials(credentials) {
  const [, user, password] = /^([^:]*)(?::(.*))?$/s.exec(credentials) ?? [];
  if (!user) throw badUrl('has an @ without a user name before it');
  if (!password) throw badUrl('has a user name without a password');
  try {
    decodeURIComponent(credentials);
  } catch {
    throw badUrl('has a % in its user name or password that encodes nothing: write %25 for a percent sign');
  }
}

/** @param {string} hostAndPort */
function checkHost(hostAndPort) {
  const [, host, port] = /^(\[.*\]|[^:]*)(?::(.*))?$/s.exec(hostAndPort) ?? [];
  if (host === '') throw badUrl('has no host');
  const isHost = host?.startsWith('[')
    ? // Not isIPv6: node:net would be loaded in each tick.
      /^\[[\da-f:.]+\]$/i.test(host) && URL.canParse(`smtp://${host}`)
    : /^[^\s%<>^|\\[\]]+$/.test(host ?? '') && domainToASCII(host ?? '') !== '';
  if (!isHost) throw badUrl('has a host that is neither a name nor an address');
  if (port && !(/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535))
    throw badUrl('has a port that is no number from 1 to 65535');
}

/** @param {string} name @param {string} value */
function checkOption(name, value) {
  const { switches, numbers, texts } = SMTP_OPTIONS;
  if (switches.includes(name)) {
    if (!['true', 'false', '1', '0'].includes(value))
      throw badUrl(`has ${name}, which must be true or false`);
  } else if (numbers.includes(name)) {
    if (!/^\d+$/.test(value) || !(Number(value) > 0))
      throw badUrl(`has ${name}, which must be a number of milliseconds`);
  } else if (!texts.includes(name) && !/^tls\.\w+$/.test(name)) {
    const known = [...switches, ...numbers, ...texts, 'tls.*'].join(', ');
    throw badUrl(`has an option that is not known; it may have ${known}`);
  }
}

/** @param {string} what */
const badUrl = (what) =>
  unusable(`SMTP_URL ${what}. It looks like this: smtps://user:password@smtp.example.com:465`);

/** @param {string} message */
const unusable = (message) => Object.assign(new Error(message), { code: 'INVALID_ARGUMENT' });
