/*
 * The keys of the pages. Each is a single character, so people who speak to their computer can switch them off.
 */

const HELP = [
  ['/', 'search'],
  ['j, k', 'next and previous row'],
  ['x', 'select the row'],
  ['Enter', 'open the row'],
  ['Esc', 'leave the search, or this help'],
  ['?', 'this help'],
] as const;

/** Where a browser keeps that the keys are off. */
const OFF = 'tsvq-keys-off';

/** Listens to keys, and says at the end of the page which there are. */
export function watchKeys(): void {
  const help = helpDialog();
  document.body.append(help);
  const button = make('button', 'Keys ?');
  button.type = 'button';
  button.className = 'quiet small keys';
  button.addEventListener('click', () => help.showModal());
  document.querySelector('footer')?.append(' ', button);
  document.addEventListener('keydown', (event) => {
    const { key, target, ctrlKey, altKey, metaKey, isComposing } = event;
    if (ctrlKey || altKey || metaKey || isComposing || help.open || !(target instanceof HTMLElement)) return;
    if (isTyping(target)) {
      if (key === 'Escape') target.blur();
      return;
    }
    if (areOff()) return;
    const act = key === '?' ? () => help.showModal() : ACTS[key];
    if (act === undefined) return;
    event.preventDefault();
    act(target);
  });
}

const ACTS: Record<string, (target: HTMLElement) => void> = {
  '/': () => document.querySelector<HTMLInputElement>('header input[type=search]')?.select(),
  j: (target) => moveBy(target, 1),
  k: (target) => moveBy(target, -1),
  x: (target) => target.closest('tr')?.querySelector<HTMLInputElement>('input[type=checkbox]')?.click(),
};

/** Focuses the link of the next row that has one. */
function moveBy(target: HTMLElement, step: 1 | -1): void {
  const rows = [...document.querySelectorAll('main tbody tr:has(a[href])')];
  const at = rows.indexOf(target.closest('tr') as Element);
  const row = rows[at < 0 ? 0 : Math.min(Math.max(at + step, 0), rows.length - 1)];
  row?.querySelector<HTMLElement>('a[href]')?.focus();
  row?.scrollIntoView({ block: 'nearest' });
}

const isTyping = (target: HTMLElement): boolean =>
  target.isContentEditable ||
  target.matches('textarea, select, input:not([type=checkbox], [type=radio], [type=submit], [type=button])');

function helpDialog(): HTMLDialogElement {
  const dialog = make('dialog');
  dialog.className = 'keys';
  dialog.setAttribute('aria-labelledby', 'keys-title');
  const title = make('h2', 'Keys');
  title.id = 'keys-title';
  const list = make('dl');
  for (const [key, does] of HELP) {
    const name = make('dt');
    name.append(make('kbd', key));
    list.append(name, make('dd', does));
  }
  const isOn = make('input');
  isOn.type = 'checkbox';
  isOn.checked = !areOff();
  isOn.addEventListener('change', () => localStorage.setItem(OFF, isOn.checked ? '' : 'off'));
  const label = make('label');
  label.append(isOn, ' Use these keys');
  const close = make('form');
  close.method = 'dialog';
  close.append(make('button', 'Close'));
  dialog.append(title, list, label, close);
  return dialog;
}

/** A browser may forbid pages to keep anything. */
function areOff(): boolean {
  try {
    return localStorage.getItem(OFF) === 'off';
  } catch {
    return false;
  }
}

function make<Name extends keyof HTMLElementTagNameMap>(name: Name, text = ''): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  element.textContent = text;
  return element;
}
