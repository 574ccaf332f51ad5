// What the examples for services are executed with: Express, Fastify, pino and vitest, from `tests/frameworks`.

import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TOOLS = process.env.ADDEPAR_PORTAL_TOOLS ?? '';
/** Where they are installed. */
export const FRAMEWORKS = join(TOOLS, '..', '..', 'tests', 'frameworks', 'node_modules');
const HERE = fileURLToPath(new URL('../../node_modules', import.meta.url));

/** Why they cannot be used, if so. */
export const skip = (TOOLS === '' || !existsSync(join(FRAMEWORKS, 'fastify'))) && 'tests/frameworks is not installed';

/** Lets the examples find them, beside the package. */
export function link() {
  mkdirSync(HERE, { recursive: true });
  for (const name of ['express', 'fastify', 'pino', 'vitest']) {
    try {
      symlinkSync(join(FRAMEWORKS, name), join(HERE, name), 'junction');
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
  }
}

/** One of them, as a module. */
export async function load(name) {
  link();
  return await import(name);
}
