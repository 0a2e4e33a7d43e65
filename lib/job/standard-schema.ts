import { invalid } from './checks.js';

/** One thing that is wrong with a value, and where in it. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The answer of a schema: the value to use, or what is wrong. */
type SchemaAnswer<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/**
 * A schema of zod, valibot, ArkType or another library that follows [Standard Schema](https://standardschema.dev),
 * version 1. `Output` is the type of the values that it lets pass.
 *
 * @example
 * const schema: StandardSchema<{ to: string }> = z.object({ to: z.email() });
 */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaAnswer<Output> | Promise<SchemaAnswer<Output>>;
  };
}

/** Checks that a value is a schema. @throws TsvqError `INVALID_ARGUMENT` */
export function schemaOf(name: string, value: unknown): StandardSchema {
  const isHolder = (typeof value === 'object' && value !== null) || typeof value === 'function';
  const standard = isHolder ? (value as Partial<StandardSchema>)['~standard'] : undefined;
  if (standard?.version === 1 && typeof standard.validate === 'function') return value as StandardSchema;
  throw invalid(name, value, 'a schema of a library that follows Standard Schema, version 1, like zod');
}
