import type { TestContext } from 'node:test';
import { client } from '../../lib/web/client/texts.js';
import { TestServer } from './server.js';

/** A page with the script of the queue's pages, and an answer that the test decides. */
export class ScriptPage {
  /** What is in `main` from now on. */
  main = '<h1>one</h1>';
  mainAttributes = '';
  status = 200;
  /** The etags that requests of the script have asked with: empty for those without one. */
  readonly asked: string[] = [];
  readonly #server: TestServer;

  static async open(t: TestContext): Promise<ScriptPage> {
    const page = new ScriptPage(t);
    await page.start();
    return page;
  }

  private constructor(t: TestContext) {
    this.#server = new TestServer(t, (request, response) => {
      if (request.url === '/client.js') {
        response.writeHead(200, { 'content-type': 'text/javascript' }).end(client);
        return;
      }
      if (request.url === '/icon') {
        response.writeHead(204).end();
        return;
      }
      if (request.headers['sec-fetch-mode'] === 'cors')
        this.asked.push(request.headers['if-none-match'] ?? '');
      const etag = `"${this.main.length}-${this.main}"`.replaceAll(/[^\w"-]/g, '');
      const isSame = this.status === 200 && request.headers['if-none-match'] === etag;
      response.writeHead(isSame ? 304 : this.status, {
        ...{ etag, location: '/login', 'content-type': 'text/html' },
        'content-security-policy':
          "default-src 'none'; script-src 'self'; img-src 'self'; connect-src 'self'",
      });
      response.end(this.#text());
    });
  }

  get address(): string {
    return this.#server.address;
  }

  async start(): Promise<void> {
    await this.#server.start();
  }

  async stop(): Promise<void> {
    await this.#server.stop();
  }

  #text(): string {
    return `<!doctype html><html lang="en"><title>Script</title><link rel="icon" href="/icon">
<script src="/client.js" defer></script>
<header><nav><a href="/">Errors ${this.main.length}</a></nav>
<form role="search"><input type="search" name="q" aria-label="Search"></form>
<span id="live" hidden><span>live</span></span></header>
<main id="main" tabindex="-1" ${this.mainAttributes}>${this.main}</main><footer>end</footer></html>`;
  }
}
