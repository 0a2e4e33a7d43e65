/** True while a person is at work on the page, so that nothing may change under their hands. */
export function isBusy(): boolean {
  const main = document.getElementById('main');
  const fields = main?.querySelectorAll<HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement>(
    'input, textarea, select',
  );
  return (
    [...(fields ?? [])].some(isTouched) ||
    // A list is open.
    document.activeElement instanceof HTMLSelectElement ||
    isMarked() ||
    // A link is pressed, or a button is about to be: another one must not come into its place.
    main?.querySelector(':active, button:is(:hover, :focus)') != null ||
    document.querySelector('dialog[open]') !== null
  );
}

function isTouched(field: HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement): boolean {
  if (field instanceof HTMLSelectElement) {
    const first = field.querySelector<HTMLOptionElement>('option[selected]') ?? field.options[0];
    return field.value !== first?.value;
  }
  if (field instanceof HTMLInputElement && ['checkbox', 'radio'].includes(field.type))
    return field.checked !== field.defaultChecked;
  return field.value !== field.defaultValue;
}

/** True while a person has marked text. */
export function isMarked(): boolean {
  const marked = getSelection();
  return marked !== null && !marked.isCollapsed && marked.toString() !== '';
}
