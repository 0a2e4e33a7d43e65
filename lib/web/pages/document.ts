import { raw } from 'hono/html';
import { type Html, html, type Part } from '../html.js';

/**
 * Makes a whole HTML document.
 *
 * @param head what it has besides its title
 * @param body the element
 */
export const htmlDocument = (title: string, head: Part, body: Html): Html => html`${raw('<!doctype html>')}
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · tsvq</title>
${head}
</head>
${body}
</html>
`;
