// The types as a strict TypeScript project sees them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { compile, skip } from './compile.mjs';

for (const sample of ['types/sample.mts', 'types/sample.cts']) {
  test(`tsc --strict ${sample}`, { skip }, () => {
    const { status, stdout } = compile(fileURLToPath(new URL(sample, import.meta.url)));
    assert.equal(status, 0, stdout);
  });
}
