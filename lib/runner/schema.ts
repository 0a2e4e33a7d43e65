import { isPromise } from 'node:util/types';
import { PermanentError } from '../job/errors.js';
import type { SchemaIssue, StandardSchema } from '../job/standard-schema.js';
import type { Handler } from './handler.js';

/** How many issues an error names. */
const MOST_ISSUES = 3;

/**
 * Returns a handler that asks the schema of its type first, and passes on the value that the schema returns. A payload
 * that doesn't fit is a {@link PermanentError}. A schema that throws fails the attempt, like a handler that throws.
 */
export function withSchema(type: string, schema: StandardSchema, handler: Handler): Handler {
  return (payload, context) => {
    const answer: unknown = schema['~standard'].validate(payload);
    if (!isPromise(answer)) return handler(outputOf(type, answer), context);
    return (async () => {
      // Not answer.then, because a promise may have one of its own, which may return anything.
      const output = outputOf(type, await answer);
      // A handler must not begin after its attempt was stopped, because another attempt may run.
      context.signal.throwIfAborted();
      return handler(output, context);
    })();
  };
}

/** Returns the value of a schema's answer. @throws PermanentError if the payload doesn't fit */
function outputOf(type: string, answer: unknown): unknown {
  if (typeof answer === 'object' && answer !== null) {
    const { issues } = answer as { issues?: readonly SchemaIssue[] };
    if (issues) {
      const told = issues.slice(0, MOST_ISSUES).map(issueText);
      if (issues.length > MOST_ISSUES) told.push(`and ${issues.length - MOST_ISSUES} more`);
      throw new PermanentError([`payload doesn't fit the schema of ${type}`, told.join('; ')].join(': '));
    }
    if ('value' in answer) return answer.value;
  }
  throw new Error(`the schema of ${type} returned neither a value nor issues`);
}

/** Returns an issue as text, like `items.0.name: Required`. */
function issueText({ message, path = [] }: SchemaIssue): string {
  const keys = path.map((part) => String(typeof part === 'object' ? part.key : part));
  return keys.length === 0 ? message : `${keys.join('.')}: ${message}`;
}
