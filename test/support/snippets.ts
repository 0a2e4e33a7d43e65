import { join } from 'node:path';
import ts from 'typescript';
import { root } from './folders.js';

/** The code blocks of a page in one language. */
export const blocks = (page: string, language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    ([, code]) => code as string,
  );

/** The files that the examples share, read once. */
const sources = new Map<string, ts.SourceFile | undefined>();

/** Compiles a module as if it lay in docs/examples. @returns what is wrong with it */
export function compile(code: string): string[] {
  const file = join(root, 'docs/examples/from-the-readme.ts');
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.getSourceFile = (name, target) => {
    if (name === file) return ts.createSourceFile(name, code, target);
    if (!sources.has(name)) sources.set(name, getSourceFile(name, target));
    return sources.get(name);
  };
  host.fileExists = (name) => name === file || fileExists(name);
  host.readFile = (name) => (name === file ? code : readFile(name));
  const program = ts.createProgram([file], options, host);
  return ts
    .getPreEmitDiagnostics(program, program.getSourceFile(file))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}
