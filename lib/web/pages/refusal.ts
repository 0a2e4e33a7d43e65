import type { Asked } from '../asked.js';
import { type Html, html } from '../html.js';
import { page } from './layout.js';

/** Makes the page that says why a request can't be met. */
export const refusalPage = (asked: Asked, title: string, message: string): Html =>
  page(
    asked,
    { title, isLive: false },
    html`<section class="card refusal"><h1>${title}</h1><p>${message}</p><p class="bar"><a class="button" href="${asked.settings.base}/">To the overview</a></p></section>`,
  );
