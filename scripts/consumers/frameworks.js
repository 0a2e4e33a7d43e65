/* How each framework of scripts/check-web-frameworks.js mounts the web page, as source code. */

/** Opens the queue, and makes its page, for a visitor named ann. */
const DASHBOARD = `
const queue = openQueue(process.env.FILE, { anyFileSystem: true });
const dashboard = createDashboard(queue, {
  base: '/admin/queue',
  access: (request) => (request.headers.get('x-user') === 'ann' ? { access: 'write', user: 'ann' } : 'none'),
  onAction: ({ action, changed, user }) => console.log(action, changed, user),
});
const listening = [Number(process.env.PORT), '127.0.0.1'];
`;
const MODULE = `import { openQueue } from 'tsvq';
import { createDashboard, nodeHandler } from 'tsvq/web';
${DASHBOARD}`;
const COMMON_JS = `const { openQueue } = require('tsvq');
const { createDashboard, nodeHandler } = require('tsvq/web');
${DASHBOARD}`;

/** @param {string} name @param {string} middleware */
const expressModule = (name, middleware) => ({
  'server.mjs': `import express from '${name}';
${MODULE}
const app = express();
${middleware}
app.use('/admin/queue', nodeHandler(dashboard));
app.listen(...listening);
`,
});

const PARSERS = `app.use(express.json(), express.urlencoded({ extended: true }), express.text(), express.raw());`;

/**
 * The files of a project by the framework's name. `server.mjs` or `server.cjs` is run; without one, it is a project of
 * Next.
 *
 * @type {Record<string, Record<string, string>>}
 */
export const FRAMEWORKS = {
  'Express 4, CommonJS': {
    'server.cjs': `const express = require('express4');
${COMMON_JS}
const app = express();
app.use('/admin/queue', nodeHandler(dashboard));
app.listen(...listening);
`,
  },
  'Express 4 with body parsers': expressModule('express4', PARSERS),
  'Express 5': expressModule('express5', ''),
  'Express 5 with body parsers': expressModule('express5', PARSERS),
  'Fastify 5': {
    'server.mjs': `import fastify from 'fastify';
${MODULE}
const app = fastify();
const handler = nodeHandler(dashboard);
app.register(async (scope) => {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (request, payload, done) => done(null));
  for (const path of ['/admin/queue', '/admin/queue/*'])
    scope.all(path, (request, reply) => {
      reply.hijack();
      handler(request.raw, reply.raw);
    });
});
await app.listen({ port: listening[0], host: listening[1] });
`,
  },
  Hono: {
    'server.mjs': `import { serve } from '@hono/node-server';
import { Hono } from 'hono';
${MODULE}
const app = new Hono();
app.all('/admin/queue/*', (context) => dashboard.fetch(context.req.raw));
serve({ fetch: app.fetch, port: listening[0], hostname: listening[1] });
`,
  },
  Koa: {
    'server.mjs': `import Koa from 'koa';
${MODULE}
const app = new Koa();
const handler = nodeHandler(dashboard);
app.use((context, next) => {
  if (!/^\\/admin\\/queue(\\/|$)/.test(context.path)) return next();
  context.respond = false;
  return handler(context.req, context.res);
});
app.listen(...listening);
`,
  },
  'node:http': {
    'server.cjs': `${COMMON_JS}
const handler = nodeHandler(dashboard);
require('node:http')
  .createServer((request, response) => {
    if (/^\\/admin\\/queue([/?]|$)/.test(request.url)) return handler(request, response);
    response.writeHead(404).end();
  })
  .listen(...listening);
`,
  },
  'Next 16': {
    'next.config.mjs': `export default { serverExternalPackages: ['tsvq'] };\n`,
    'app/layout.jsx': `export default ({ children }) => <html><body>{children}</body></html>;\n`,
    'app/page.jsx': `export default () => <p>home</p>;\n`,
    'app/admin/queue/[[...path]]/route.js': `${MODULE.replace(', nodeHandler', '').replace(/^const listening.*$/m, '')}
export const GET = dashboard.fetch;
export const POST = dashboard.fetch;
`,
  },
};

/** The packages of all of them. */
export const PACKAGES = [
  'express4@npm:express@4',
  'express5@npm:express@5',
  'fastify@5',
  'hono@4',
  '@hono/node-server@2',
  'koa@3',
  'next@16',
  'react@19',
  'react-dom@19',
];
