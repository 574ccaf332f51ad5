// The types as a strict TypeScript project sees them.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const TOOLS = process.env.ADDEPAR_PORTAL_TOOLS ?? '';
const HERE = fileURLToPath(new URL('.', import.meta.url));
const COMPILER = join(TOOLS, 'typescript', 'bin', 'tsc');

for (const sample of ['types/sample.mts', 'types/sample.cts']) {
  test(`tsc --strict ${sample}`, { skip: !existsSync(COMPILER) && 'ADDEPAR_PORTAL_TOOLS has no TypeScript' }, () => {
    const flags = ['--strict', '--exactOptionalPropertyTypes', '--noEmit', '--target', 'es2022', '--lib', 'es2023,esnext.disposable'];
    const types = ['--module', 'nodenext', '--types', 'node', '--typeRoots', join(TOOLS, '@types')];
    const { status, stdout } = spawnSync(process.execPath, [COMPILER, ...flags, ...types, sample], { cwd: HERE, encoding: 'utf8' });
    assert.equal(status, 0, stdout);
  });
}
