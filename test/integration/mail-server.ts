import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

/** What a mail server was given, and how it answers a recipient: 250 unless it says otherwise. */
export interface MailServer {
  url: string;
  mails: { message: string; recipients: string[] }[];
  answers: Record<string, number>;
  /** Every address that the server was asked to take mail for. */
  asked: string[];
}

/** A mail server on this machine, which ends with the test. */
export async function mailServer(
  t: TestContext,
  answers: Record<string, number> = {},
  options: SMTPServerOptions & { refuseData?: number } = {},
): Promise<MailServer> {
  const { refuseData, ...rest } = options;
  const mails: MailServer['mails'] = [];
  const asked: string[] = [];
  const refusal = (responseCode: number) => Object.assign(new Error('refused'), { responseCode });
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo: ({ address }, _, done) => {
      asked.push(address);
      const code = answers[address];
      done(code === undefined ? null : refusal(code));
    },
    onData: (stream, session, done) => {
      text(stream).then((message) => {
        if (refuseData !== undefined) return done(refusal(refuseData));
        mails.push({ message, recipients: session.envelope.rcptTo.map(({ address }) => address) });
        done(null);
      }, done);
    },
    ...rest,
  });
  server.on('error', () => {});
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  t.after(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const { port } = server.server.address() as AddressInfo;
  return { url: `smtp://127.0.0.1:${port}`, mails, answers, asked };
}

/** A header of a message. */
export const header = (message: string, name: string): string | undefined =>
  new RegExp(`^${name}: (.*)\r$`, 'm').exec(message)?.[1];
