import { domainToASCII } from 'node:url';

/** The time limits of a mail and a request, unless the environment or the job sets another. */
const LIMITS = { SEND_EMAIL_TIMEOUT: '60s', WEBHOOK_TIMEOUT: '30s' };

/** How many mails, and webhooks to one receiver, run at a time. The worker has the defaults. */
const CONCURRENCY = ['EMAIL_CONCURRENCY', 'WEBHOOK_CONCURRENCY'];

/** @type {Record<string, number>} */
const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** The options that SMTP_URL may have. All are options of nodemailer. `pool` is accepted, and has no effect. */
const SMTP_OPTIONS = {
  switches: ['secure', 'ignoreTLS', 'requireTLS', 'opportunisticTLS', 'lmtp', 'pool', 'logger', 'debug'],
  numbers: ['connectionTimeout', 'greetingTimeout', 'socketTimeout', 'dnsTimeout'],
  texts: ['name', 'localAddress', 'authMethod', 'proxy'],
};

/**
 * Checks the environment of the handlers, so that the worker can refuse it when it starts. It loads no other module,
 * because a start without jobs would have to pay for it.
 *
 * @throws an Error with the code `INVALID_ARGUMENT`, which names the variable and what is wrong with it
 */
export function checkEnvironment() {
  smtpUrl();
  for (const name of /** @type {(keyof typeof LIMITS)[]} */ (Object.keys(LIMITS))) timeLimit(name);
  for (const name of CONCURRENCY) checkCount(name);
  const { MAIL_FROM } = process.env;
  if (MAIL_FROM && !/[^\s<>@]@[^\s<>@]/.test(MAIL_FROM))
    throw unusable(
      `MAIL_FROM is ${JSON.stringify(MAIL_FROM)}; it must hold an address: App <app@example.com>`,
    );
}

/**
 * Returns the time limit of a handler, in ms. It refuses a number without a unit, because that means seconds in one
 * program and milliseconds in another.
 *
 * @param {keyof typeof LIMITS} name
 * @throws an Error with the code `INVALID_ARGUMENT`
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

/** Checks a number of jobs, if it is set. @param {string} name */
function checkCount(name) {
  const text = process.env[name]?.trim();
  if (!text || (/^\d+$/.test(text) && Number(text) >= 1 && Number.isSafeInteger(Number(text)))) return;
  throw unusable(`${name} is ${JSON.stringify(text)}; it must be a whole number of at least 1, in digits`);
}

/**
 * Returns the URL of the mail server, or undefined without one. An error names the part that is wrong. It never quotes
 * the text, because a password may be anywhere in it.
 *
 * @throws an Error with the code `INVALID_ARGUMENT`
 */
export function smtpUrl() {
  const text = process.env.SMTP_URL?.trim();
  if (!text) return undefined;
  const [, scheme, authority = '', path = '', query = '', fragment = ''] =
    /^([a-z][a-z\d+.-]*):\/\/([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?$/is.exec(text) ?? [];
  if (!/^smtps?$/i.test(scheme ?? '')) throw badUrl('must begin with smtp:// or smtps://');
  // The last @ ends the credentials. If one comes after the host, a / ? or # in the credentials came first.
  if (`${path}${query}${fragment}`.includes('@'))
    throw badUrl('has a / ? # or @ that is not percent-encoded; write %2F %3F %23 %40');
  const at = authority.lastIndexOf('@');
  if (at >= 0) checkCredentials(authority.slice(0, at));
  checkHost(authority.slice(at + 1));
  if (path !== '' && path !== '/') throw badUrl('has a path, which means nothing to a mail server');
  if (fragment) throw badUrl('has a # part, which means nothing to a mail server');
  for (const [name, value] of new URLSearchParams(query)) checkOption(name, value);
  const url = new URL(text);
  // Each mail has its own connection, because one that is kept for the next mail would keep the worker alive.
  url.searchParams.delete('pool');
  return url.href;
}

/** Checks user name and password. @param {string} credentials */
function checkCredentials(credentials) {
  const [, user, password] = /^([^:]*)(?::(.*))?$/s.exec(credentials) ?? [];
  if (!user) throw badUrl('has an @ without a user name before it');
  if (!password) throw badUrl('has a user name without a password');
  try {
    decodeURIComponent(credentials);
  } catch {
    throw badUrl('has a % in its user name or password that encodes nothing; write %25 for a percent sign');
  }
}

/** Checks host and port. @param {string} hostAndPort */
function checkHost(hostAndPort) {
  const [, host, port] = /^(\[.*\]|[^:]*)(?::(.*))?$/s.exec(hostAndPort) ?? [];
  if (host === '') throw badUrl('has no host');
  const isHost = host?.startsWith('[')
    ? // Not isIPv6: node:net would be loaded in each tick.
      /^\[[\da-f:.]+\]$/i.test(host) && URL.canParse(`smtp://${host}`)
    : /^[^\s%<>^|\\[\]]+$/.test(host ?? '') && domainToASCII(host ?? '') !== '';
  if (!isHost) throw badUrl('has a host that is neither a name nor an address');
  if (port && !(/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535))
    throw badUrl('has a port that is not a number from 1 to 65535');
}

/** Checks an option of the query. @param {string} name @param {string} value */
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
    throw badUrl(`has an unknown option; the options are ${known}`);
  }
}

/** @param {string} what */
const badUrl = (what) =>
  unusable(`SMTP_URL ${what}. It looks like this: smtps://user:password@smtp.example.com:465`);

/** @param {string} message */
const unusable = (message) => Object.assign(new Error(message), { code: 'INVALID_ARGUMENT' });
