import { TsvqError } from '../job/errors.js';
import type { Request } from './asked.js';
import type { Html } from './html.js';
import { flash } from './parts/flash.js';

/**
 * Makes a change, and answers with another page that says what was done. If the queue refuses the change, the answer is
 * the page it was asked from, with the reason on top.
 *
 * @param change makes it, and returns the address that says so
 */
export async function changing(
  request: Request,
  change: () => Promise<string>,
  page: (request: Request, refusal: Html) => Promise<Html>,
): Promise<Response> {
  try {
    return request.redirect(await change(), 303);
  } catch (error) {
    if (!(error instanceof TsvqError)) throw error;
    const status = error.code === 'INVALID_ARGUMENT' ? 400 : 409;
    return request.html(await page(request, flash(error.message, true)), status);
  }
}
