import assert from 'node:assert/strict';
import type { Page } from './browsing.js';

/*
 * The forms of a page, sent as a browser without scripts sends them.
 */

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };

/** Returns the attributes of a tag. */
function attributesOf(tag: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [, name = '', value = ''] of tag.replace(/^<\w+/, '').matchAll(/([\w-]+)(?:="([^"]*)")?/g))
    found[name] = value.replace(/&(#?\w+);/g, (all, entity: string) => ENTITIES[entity] ?? all);
  return found;
}

interface Form {
  readonly attributes: Record<string, string>;
  readonly html: string;
}

const formsOf = ({ html }: Page): Form[] =>
  [...html.matchAll(/(<form\b[^>]*>)(.*?)<\/form>/gs)].map(([, tag = '', inner = '']) => ({
    attributes: attributesOf(tag),
    html: inner,
  }));

/** A form that a button sends. */
export interface Sent {
  readonly method: string;
  readonly action: string;
  readonly fields: URLSearchParams;
}

/** Returns the words of the buttons of a page. */
export const buttonsOf = ({ html }: Page): string[] =>
  [...html.matchAll(/<button\b[^>]*>(.*?)<\/button>/gs)].map(([, text = '']) => text.replace(/<[^>]*>/g, ''));

/** Presses the button with these words. @param chosen the ids that a person has selected, and what else was chosen */
export function press(
  page: Page,
  words: string | RegExp,
  { ids = [], ...chosen }: { ids?: readonly string[] } & Record<string, string | readonly string[]> = {},
): Sent {
  for (const form of formsOf(page))
    for (const [, tag = '', text = ''] of form.html.matchAll(/(<button\b[^>]*>)(.*?)<\/button>/gs)) {
      const is = typeof words === 'string' ? text === words : words.test(text);
      if (!is) continue;
      const button = attributesOf(tag);
      const owner =
        button.form === undefined
          ? form
          : (formsOf(page).find(({ attributes }) => attributes.id === button.form) as Form);
      const fields = new URLSearchParams();
      for (const [input] of owner.html.matchAll(/<input\b[^>]*>/g)) {
        const { type, name, value = '' } = attributesOf(input);
        if (name === undefined || name === '') continue;
        if (type !== 'checkbox') fields.append(name, value);
        else if (ids.includes(value)) fields.append(name, value);
      }
      for (const [select] of owner.html.matchAll(/<select\b.*?<\/select>/gs)) {
        const name = attributesOf(/<select\b[^>]*>/.exec(select)?.[0] ?? '').name ?? '';
        const option =
          /<option\b[^>]*\sselected[^>]*>/.exec(select)?.[0] ?? /<option\b[^>]*>/.exec(select)?.[0];
        fields.append(name, (chosen[name] as string | undefined) ?? attributesOf(option ?? '').value ?? '');
      }
      if (button.name !== undefined) fields.append(button.name, button.value ?? '');
      const { method = 'get', action = '' } = owner.attributes;
      return { method, action, fields };
    }
  return assert.fail(`no button ${words}, but ${buttonsOf(page)}`);
}
