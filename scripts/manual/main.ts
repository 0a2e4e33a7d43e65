/*
 * Writes docs/cli.md and docs/queue.1 from the tree of commands: npm run manual. A test holds both to it.
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { wholeProgram } from '../../lib/cli/program.js';
import { commandsPage } from './commands-page.js';
import { manPage } from './man-page.js';

const docs = fileURLToPath(new URL('../../docs', import.meta.url));
const program = await wholeProgram();
writeFileSync(join(docs, 'cli.md'), commandsPage(program));
writeFileSync(join(docs, 'queue.1'), manPage(program));
