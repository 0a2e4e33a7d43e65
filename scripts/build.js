// Builds dist/: the library and the command, each bundled into few files, because each tick of cron starts Node, and
// every module that it opens costs time. Dependencies stay outside, and load at their first use. dist/cjs/ has the
// library again, for CommonJS.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
// Built next to the old dist/ until it is whole, so that neither a failed build nor a worker that starts meanwhile
// finds half of it.
const fresh = `dist.${process.pid}`;

/** @type {import('esbuild').BuildOptions} */
const common = {
  bundle: true,
  write: false,
  platform: 'node',
  target: 'node20',
  packages: 'external',
  logLevel: 'warning',
};

// esbuild would hide a plain require() of an ES module behind a function of its own, where no bundler sees it.
const PLAIN = '__tsvq_require';

/**
 * Returns a plugin that lets each module that is loaded later import all that is loaded at once. Otherwise esbuild makes
 * a file for each combination of modules that need another one, and a tick opens all of these files.
 *
 * @param {string} atOnce the module that imports all of it
 * @returns {import('esbuild').Plugin}
 */
function oneSharedFile(atOnce) {
  const shared = join(process.cwd(), atOnce);
  /** @type {Set<string>} */
  const later = new Set();
  return {
    name: `one shared file of ${atOnce}`,
    setup({ onLoad, onResolve }) {
      onResolve({ filter: /^\..*\.js$/ }, ({ kind, path, resolveDir }) => {
        const source = join(resolveDir, path.replace(/js$/, 'ts'));
        if (kind === 'dynamic-import' && source !== shared) later.add(source);
        return undefined;
      });
      onLoad({ filter: /\/lib\/.*\.ts$/ }, ({ path }) =>
        later.has(path)
          ? { contents: `${readFileSync(path, 'utf8')}\nimport ${JSON.stringify(shared)};`, loader: 'ts' }
          : undefined,
      );
    },
  };
}

/**
 * Makes the style, script and icon of the web page, for browsers. @returns their texts
 */
async function pageTexts() {
  const from = 'lib/web/client';
  /** @type {import('esbuild').BuildOptions} */
  const options = { bundle: true, minify: true, write: false, target: 'es2022', format: 'iife' };
  const made = await build({
    ...options,
    entryPoints: [`${from}/script/main.ts`, `${from}/script/report.ts`, `${from}/style.css`],
    outdir: from,
  });
  const text = (/** @type {string} */ name) =>
    made.outputFiles?.find(({ path }) => path.endsWith(name))?.text ?? '';
  return {
    client: text('main.js'),
    report: text('report.js'),
    style: text('style.css'),
    icon: readFileSync(`${from}/icon.svg`, 'utf8'),
  };
}

const texts = await pageTexts();

/**
 * A plugin that gives the package these texts, so that it reads no files, and apps may bundle it.
 *
 * @type {import('esbuild').Plugin}
 */
const textsInside = {
  name: 'texts of the web page',
  setup({ onLoad }) {
    const contents = Object.entries(texts).map(
      ([name, text]) => `export const ${name} = ${JSON.stringify(text)};`,
    );
    onLoad({ filter: /\/lib\/web\/client\/texts\.ts$/ }, () => ({ contents: contents.join('\n') }));
  },
};

/** @type {import('esbuild').BuildOptions} */
const esModule = {
  ...common,
  outdir: fresh,
  format: 'esm',
  splitting: true,
  define: { require: PLAIN },
};

const tinyqueue = fileURLToPath(import.meta.resolve('tinyqueue'));

/** @type {import('esbuild').BuildOptions} */
const commonJs = {
  ...common,
  outdir: `${fresh}/cjs`,
  format: 'cjs',
  define: { 'import.meta.url': 'undefined' },
  // Bundled, because tinyqueue is only an ES module, which CommonJS can't load before Node 20.19, nor in Jest.
  alias: { tinyqueue },
};

/** @param {import('esbuild').BuildOptions} options @param {Record<string, string>} entryPoints */
async function bundle(options, entryPoints) {
  const { outputFiles } = await build({ ...options, entryPoints });
  for (const { path, text } of outputFiles ?? []) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text.replaceAll(PLAIN, 'require'));
  }
}

/**
 * Returns the declarations that these files lead to. A file that only code imports needs no declaration.
 *
 * @param {string} folder @param {string[]} names @param {Set<string>} found
 */
function declarations(folder, names, found = new Set()) {
  for (const name of names.filter((name) => !found.has(name))) {
    found.add(name);
    const imports = readFileSync(join(folder, name), 'utf8').matchAll(/from '(\.[^']+)\.js'/g);
    const others = [...imports].map(([, path]) => join(dirname(name), `${path}.d.ts`));
    declarations(folder, others, found);
  }
  return found;
}

try {
  // Bundled one after another, because together their shared code would be cut into a dozen files, and a tick opens
  // each of them.
  const ofIndex = { ...esModule, plugins: [oneSharedFile('lib/index.ts')] };
  // package.json says that loading a file has no side effects, so esbuild would warn of the plugin's imports.
  await bundle({ ...ofIndex, logOverride: { 'ignored-bare-import': 'silent' } }, { index: 'lib/index.ts' });
  await bundle(esModule, { testing: 'lib/testing.ts' });
  await bundle(esModule, { outbox: 'lib/outbox.ts' });
  await bundle({ ...esModule, plugins: [textsInside] }, { web: 'lib/web.ts' });
  const ofCli = { ...esModule, plugins: [textsInside, oneSharedFile('lib/cli/cli.ts')] };
  await bundle({ ...ofCli, logOverride: { 'ignored-bare-import': 'silent' } }, { cli: 'lib/cli/main.ts' });
  const notice = `/*! tinyqueue:\n${readFileSync(join(dirname(tinyqueue), 'LICENSE'), 'utf8')}*/`;
  await bundle({ ...commonJs, footer: { js: notice } }, { index: 'lib/index.ts' });
  await bundle(commonJs, { testing: 'lib/testing.ts' });
  await bundle(commonJs, { outbox: 'lib/outbox.ts' });
  await bundle({ ...commonJs, plugins: [textsInside] }, { web: 'lib/web.ts' });
  // Tests serve the same texts.
  const files = {
    'style.css': texts.style,
    'client.js': texts.client,
    'report.js': texts.report,
    'icon.svg': texts.icon,
  };
  mkdirSync(`${fresh}/assets`);
  for (const [name, text] of Object.entries(files)) writeFileSync(`${fresh}/assets/${name}`, text);
  writeFileSync(`${fresh}/cjs/package.json`, '{ "type": "commonjs" }\n');
  chmodSync(`${fresh}/cli.js`, 0o755);
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', `${fresh}/all-types`], {
    stdio: 'inherit',
  });
  // Both get the same text. TypeScript sees by the nearest package.json which of the two it describes.
  for (const name of declarations(`${fresh}/all-types`, [
    'index.d.ts',
    'outbox.d.ts',
    'testing.d.ts',
    'web.d.ts',
  ])) {
    cpSync(`${fresh}/all-types/${name}`, `${fresh}/types/${name}`);
    cpSync(`${fresh}/all-types/${name}`, `${fresh}/cjs/types/${name}`);
  }
  rmSync(`${fresh}/all-types`, { recursive: true });
  rmSync('dist', { recursive: true, force: true });
  renameSync(fresh, 'dist');
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
