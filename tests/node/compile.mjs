// TypeScript's compiler, as a strict project runs it.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const TOOLS = process.env.ADDEPAR_PORTAL_TOOLS ?? '';
const COMPILER = join(TOOLS, 'typescript', 'bin', 'tsc');

/** Why nothing can be compiled, if so. */
export const skip = !existsSync(COMPILER) && 'ADDEPAR_PORTAL_TOOLS has no TypeScript';

/** The types of Node, which most projects have. */
const NODE = ['--lib', 'es2023,esnext.disposable', '--types', 'node', '--typeRoots', join(TOOLS, '@types')];

/** Compiles files, which the package can be found from; what the compiler says. */
export function compile(...files) {
  return compileWith(NODE, ...files);
}

/** Compiles files with types of somebody's own choice. */
export function compileWith(types, ...files) {
  const flags = ['--strict', '--exactOptionalPropertyTypes', '--noEmit', '--target', 'es2022', '--module', 'nodenext'];
  const { status, stdout } = spawnSync(process.execPath, [COMPILER, ...flags, ...types, ...files], { encoding: 'utf8' });
  return { status, stdout };
}
