import type { Asked } from '../asked.js';
import { type Html, html } from '../html.js';
import { page } from './layout.js';

/** Makes the page that says why a request can't be met. */
export const refusalPage = (asked: Asked, message: string): Html =>
  page(
    asked,
    { title: 'Not possible' },
    html`<section class="card refusal"><h1>Not possible</h1><p>${message}</p></section>`,
  );
