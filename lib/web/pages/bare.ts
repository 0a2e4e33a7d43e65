import { type Html, html, type Part } from '../html.js';
import { htmlDocument } from './document.js';

/** Makes a page without a style or script, for a visitor that may see nothing of the queue. */
export const barePage = (title: string, content: Part): Html =>
  htmlDocument(
    title,
    undefined,
    html`<body>
<main>
<h1>${title}</h1>
${content}
</main>
</body>`,
  );
