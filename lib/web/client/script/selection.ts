/*
 * Selecting jobs in a list: all at once, and how many they are.
 */

const boxesOf = (all: Element): HTMLInputElement[] => [
  ...(all.closest('form, table')?.querySelectorAll<HTMLInputElement>('input[type=checkbox][name=id]') ?? []),
];

/** Lets the box at the head of a list select all jobs in it. */
export function watchSelection(): void {
  document.addEventListener('change', ({ target }) => {
    if (target instanceof HTMLInputElement && target.matches('[data-select-all]'))
      for (const box of boxesOf(target)) box.checked = target.checked;
    showSelection();
  });
  // Going back to a page brings the marks back, too.
  addEventListener('pageshow', showSelection);
}

/** Shows how many jobs are selected. */
export function showSelection(): void {
  for (const all of document.querySelectorAll<HTMLInputElement>('[data-select-all]')) {
    const boxes = boxesOf(all);
    const selected = boxes.filter(({ checked }) => checked).length;
    all.checked = boxes.length > 0 && selected === boxes.length;
    all.indeterminate = selected > 0 && !all.checked;
    for (const count of all.closest('form, main')?.querySelectorAll<HTMLElement>('[data-selected]') ?? []) {
      count.textContent = selected === 0 ? '' : `${selected} selected`;
      count.hidden = selected === 0;
    }
  }
}
