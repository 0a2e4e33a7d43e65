import { createHash } from 'node:crypto';
import type { App } from './asked.js';
import { client, icon, style } from './client/texts.js';

/** A file that pages load. Its address changes with its text, so that browsers may keep it for good. */
interface Asset {
  readonly path: string;
  readonly type: string;
  readonly text: string;
}

function asset(name: string, ending: string, type: string, text: string): Asset {
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 10);
  return { path: `/assets/${name}-${hash}.${ending}`, type, text };
}

/** The files that pages load. */
export const ASSETS = {
  style: asset('style', 'css', 'text/css; charset=utf-8', style),
  client: asset('client', 'js', 'text/javascript; charset=utf-8', client),
  icon: asset('icon', 'svg', 'image/svg+xml', icon),
} as const;

/** Adds the routes of these files. */
export function addAssets(app: App): void {
  for (const { path, type, text } of Object.values(ASSETS))
    app.get(path, (request) => {
      request.header('content-type', type);
      request.header('cache-control', 'private, max-age=31536000, immutable');
      return request.body(text);
    });
}
