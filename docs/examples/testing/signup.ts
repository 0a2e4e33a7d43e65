import { type Handlers, PermanentError, type Queue } from 'tsvq';

export interface Jobs {
  welcome: { to: string };
  survey: { to: string };
}

export const handlers: Handlers<Jobs> = {
  welcome: ({ to }, { enqueue }) => {
    if (!to.includes('@')) throw new PermanentError(`no address: ${to}`);
    enqueue('survey', { to }, { delay: '7d' });
    return `welcome, ${to}`;
  },
  survey: ({ to }) => `a survey for ${to}`,
};

export async function signUp(queue: Queue<Jobs>, to: string): Promise<string> {
  return queue.enqueue('welcome', { to });
}
