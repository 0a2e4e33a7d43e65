import { Idiomorph } from 'idiomorph';

/*
 * Keeps a page up to date: asks for its address again every other second, and changes what has changed.
 */

const EVERY_MS = 2000;
/** The longest pause between two requests while the server doesn't answer. */
const SLOWEST_MS = 60_000;
/** An answer that takes longer doesn't come. */
const PATIENCE_MS = 15_000;

/** What the mark in the header says: it is up to date, a person is at work, the server is silent, or it has refused. */
type State = 'live' | 'waiting' | 'offline' | 'stopped';

/** What the page's refreshing works with. */
interface Surroundings {
  /** True while nothing may change under a person's hands. */
  readonly isBusy: () => boolean;
  /** Is told when the server has answered, as its header says. */
  readonly onAnswer: (date: string | null) => void;
  /** Is called when the page has changed. */
  readonly onChange: () => void;
}

/** Refreshes the page. */
export class Live {
  readonly #around: Surroundings;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #everyMs = EVERY_MS;
  #etag: string | null = null;
  #state: State | undefined;
  #isAsking = false;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** Begins, if the page wants it. Stops while the page is hidden. */
  start(): void {
    if (document.getElementById('main')?.dataset.live === 'off') return;
    this.#says('live', 'live');
    document.addEventListener('visibilitychange', () => (document.hidden ? this.#pause() : this.#atOnce()));
    addEventListener('pagehide', () => this.#pause());
    addEventListener('pageshow', ({ persisted }) => persisted && this.#atOnce());
    addEventListener('online', () => this.#atOnce());
    if (!document.hidden) this.#later();
  }

  /** Stops for good, and says why. */
  #stop(why: string): void {
    this.#pause();
    this.#says('stopped', why);
  }

  #pause(): void {
    clearTimeout(this.#timer);
  }

  #later(): void {
    clearTimeout(this.#timer);
    if (this.#state !== 'stopped' && !document.hidden)
      this.#timer = setTimeout(() => this.#look(), this.#everyMs);
  }

  #atOnce(): void {
    clearTimeout(this.#timer);
    if (this.#state !== 'stopped' && !document.hidden) void this.#look();
  }

  async #look(): Promise<void> {
    if (this.#isAsking) return;
    if (this.#around.isBusy()) this.#waits();
    else {
      this.#isAsking = true;
      await this.#ask().catch(() => this.#isSilent());
      this.#isAsking = false;
    }
    this.#later();
  }

  async #ask(): Promise<void> {
    const answer = await fetch(location.href, {
      headers: this.#etag === null ? {} : { 'if-none-match': this.#etag },
      cache: 'no-store',
      redirect: 'manual',
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    // A redirect leads to a page where people sign in.
    if (answer.type === 'opaqueredirect' || answer.status === 401)
      return this.#stop('signed out: load again');
    if (answer.status === 403) return this.#stop('no access any more');
    if (answer.status !== 304 && answer.status !== 404 && !answer.ok)
      throw new Error(`answered ${answer.status}`);
    const page = answer.status === 304 ? undefined : await answer.text();
    this.#everyMs = EVERY_MS;
    this.#around.onAnswer(answer.headers.get('date'));
    // A person may have begun something meanwhile. The next answer must come whole then.
    if (this.#around.isBusy()) return this.#waits();
    if (page !== undefined) this.#show(page);
    this.#etag = answer.headers.get('etag');
    this.#says('live', 'live');
  }

  #show(page: string): void {
    const fresh = new DOMParser().parseFromString(page, 'text/html');
    const [main, newMain] = [document, fresh].map((of) => of.getElementById('main'));
    if (!main || !newMain) throw new Error('the answer is no page of the queue');
    // What was just done is told once, and stays until the person goes on.
    const flash = main.querySelector('.flash');
    if (flash !== null && newMain.querySelector('.flash') === null) newMain.prepend(flash.cloneNode(true));
    document.title = fresh.title;
    const [nav, newNav] = [document, fresh].map((of) => of.querySelector('header nav'));
    if (nav && newNav) morph(nav, newNav);
    keepingFocus(() => morph(main, newMain));
    this.#around.onChange();
  }

  #waits(): void {
    this.#says('waiting', 'waiting');
  }

  #isSilent(): void {
    if (this.#state !== 'offline')
      this.#says('offline', `offline since ${new Date().toISOString().slice(11, 19)}`);
    this.#everyMs = Math.min(this.#everyMs * 2, SLOWEST_MS);
  }

  #says(state: State, text: string): void {
    const mark = document.getElementById('live');
    if (mark === null || state === this.#state) return;
    // Waiting is no news to the person who is at work.
    const isNews = [state, this.#state].some((each) => each === 'offline' || each === 'stopped');
    mark.setAttribute('aria-live', isNews ? 'polite' : 'off');
    mark.classList.toggle('waiting', state === 'waiting');
    mark.classList.toggle('lost', state === 'offline' || state === 'stopped');
    textOf(mark).textContent = text;
    mark.hidden = false;
    this.#state = state;
  }
}

/** Changes an element into another one. With its children alone, idiomorph fails if both have the same id. */
function morph(element: Element, into: Element): void {
  Idiomorph.morph(element, into, {
    morphStyle: 'outerHTML',
    callbacks: {
      // A person has opened or closed it.
      beforeAttributeUpdated: (name: string, node: Element) =>
        !(name === 'open' && node instanceof HTMLDetailsElement),
    },
  });
}

/** Lets the link that has the focus keep it, also in another place. */
function keepingFocus(work: () => void): void {
  const href = document.activeElement?.getAttribute('href');
  work();
  if (href == null || document.activeElement?.getAttribute('href') === href) return;
  const link = document.querySelector<HTMLElement>(`main a[href="${CSS.escape(href)}"]`);
  link?.focus({ preventScroll: true });
}

/** Returns the element of the mark's text, which a narrow screen hides. */
function textOf(mark: Element): Element {
  if (mark.firstElementChild === null) mark.replaceChildren(document.createElement('span'));
  return mark.firstElementChild as Element;
}
