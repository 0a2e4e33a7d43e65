import { raw } from 'hono/html';
import { type Html, html, type Part } from '../html.js';

/** Makes a page without a style or script, for a visitor that may see nothing of the queue. */
export const barePage = (title: string, content: Part): Html => html`${raw('<!doctype html>')}
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · tsvq</title>
</head>
<body>
<main>
<h1>${title}</h1>
${content}
</main>
</body>
</html>`;
