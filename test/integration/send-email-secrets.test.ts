import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { setEnvironment } from '../support/environment.js';
import { bob, jobThat, letter, mailQueue } from './mail-queue.js';

/*
 * No password of SMTP_URL is in an error, a result or the log.
 */

/** What a server says to a command that it quotes, in several forms. */
const QUOTES: Record<string, (line: string) => string> = {
  'as it is': (line) => line,
  'and cuts it': (line) => line.slice(0, -6),
  'in capitals': (line) => line.toUpperCase(),
  decoded: (line) =>
    Buffer.from(line.split(' ').at(-1) ?? '', 'base64')
      .toString()
      .replaceAll('\0', ' '),
  'by the password alone': (line) =>
    Buffer.from(
      Buffer.from(line.split(' ').at(-1) ?? '', 'base64')
        .toString()
        .split('\0')
        .at(-1) ?? '',
    ).toString('base64'),
  'as a URL has it': (line) =>
    encodeURIComponent(
      Buffer.from(line.split(' ').at(-1) ?? '', 'base64')
        .toString()
        .split('\0')
        .at(-1) ?? '',
    ),
};

/** A server that quotes the last login in all that it says after it; @param refuses which command */
async function quotingServer(
  t: TestContext,
  mechanism: string,
  refuses: string,
  quote: (line: string) => string,
) {
  const said: string[] = [];
  const server = createServer((socket) => {
    let login = '';
    let steps = 0;
    const say = (answer: string) => {
      said.push(answer);
      socket.write(`${answer}\r\n`);
    };
    socket.on('error', () => {});
    say('220 here');
    createInterface(socket).on('line', (line) => {
      const verb = line.split(' ')[0] as string;
      if (verb === 'AUTH' || steps > 0) {
        login = line;
        if (mechanism === 'LOGIN' && steps++ < 2)
          return say(steps === 1 ? '334 VXNlcm5hbWU6' : '334 UGFzc3dvcmQ6');
        steps = 0;
        return say(refuses === 'AUTH' ? `535 bad ${quote(login)}` : '235 ok');
      }
      if (verb === 'EHLO') say(`250-here\r\n250 AUTH ${mechanism}`);
      else if (verb === 'RCPT' && refuses === 'RCPT' && line.includes(bob))
        say(`550 not after ${quote(login)}`);
      else if (verb === 'DATA') say('354 go on');
      else if (!/^(MAIL|RCPT|QUIT|\.)/.test(verb)) return;
      else say('250 ok');
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, said };
}

for (const [how, quote] of Object.entries(QUOTES))
  for (const mechanism of ['PLAIN', 'LOGIN'])
    for (const refuses of ['AUTH', 'RCPT'])
      test(`a server that quotes AUTH ${mechanism} ${how}, to ${refuses}, puts no password into an error`, async (t) => {
        const password = 'Hush&ed w/ord';
        const { port, said } = await quotingServer(t, mechanism, refuses, quote);
        const { queue, run, stderr } = mailQueue(t);
        setEnvironment(t, { SMTP_URL: `smtp://app:${encodeURIComponent(password)}@127.0.0.1:${port}` });
        const id = await queue.enqueue('send_email', letter, { maxAttempts: 1 });
        await run();
        const job = await queue.getJob(id);
        const told = JSON.stringify([job?.error, job?.result, stderr]);
        assert.match(told, refuses === 'AUTH' ? /535 bad/ : /550 not after/, said.join());
        const base64 = Buffer.from(password).toString('base64');
        const login = Buffer.from(`\0app\0${password}`).toString('base64');
        for (const secret of [
          password,
          encodeURIComponent(password),
          base64.slice(0, 10),
          login.slice(0, 16),
        ])
          assert.ok(!told.toLowerCase().includes(secret.toLowerCase()), told);
      });

test('a proxy whose password is not percent-encoded is reported by the error of the network', async (t) => {
  const { queue, run } = mailQueue(t);
  const proxy = encodeURIComponent('http://app:100%hush@127.0.0.1:2');
  setEnvironment(t, { SMTP_URL: `smtp://127.0.0.1:2?proxy=${proxy}` });
  const id = await queue.enqueue('send_email', letter, { maxAttempts: 1 });
  await run();
  const { error } = await jobThat('failed', queue, id);
  assert.doesNotMatch(String(error), /hush/);
  assert.match(String(error), /ECONNREFUSED/);
});
