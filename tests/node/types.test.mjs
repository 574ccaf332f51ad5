// The types as a strict TypeScript project sees them.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { compile, compileWith, skip } from './compile.mjs';

/** What the compiler says about a module that has `client` and `modes`. */
function compiled(code) {
  const folder = mkdtempSync(fileURLToPath(new URL('types-', import.meta.url)));
  try {
    const file = join(folder, 'wrong.mts');
    const head = `import { PortalClient } from 'addepar-portal';
      const client = new PortalClient();
      const modes = { portalPublishing: 'publish', contactNotification: 'notify' } as const;\n`;
    writeFileSync(file, head + code);
    return compile(file).stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('what the compiler says of a wrong list of ids or a wrong mode is short', { skip }, () => {
  const cases = [
    ["await client.publishFiles('37', modes);", /^.*: Argument of type 'string' is not assignable to parameter of type 'Files'\.$/],
    ['await client.publishFiles(Promise.resolve([37]), modes);', /to parameter of type 'Files'\.\n  .* missing the following properties from type 'TypedIds': length, \[Symbol\.iterator\]$/],
    ['await client.publishFiles([37, undefined], modes);', /^.*: Type 'undefined' is not assignable to type 'Id'\.$/],
    ["await client.publishFiles([37], { ...modes, portalPublishing: 'all' });", /^.*: Type '"all"' is not assignable to type '.* PortalPublishing'\.$/],
  ];
  for (const [code, message] of cases) {
    assert.match(compiled(code).trim(), message);
  }
});

for (const sample of ['types/sample.mts', 'types/sample.cts']) {
  test(`tsc --strict ${sample}`, { skip }, () => {
    const { status, stdout } = compile(fileURLToPath(new URL(sample, import.meta.url)));
    assert.equal(status, 0, stdout);
  });
}

test('tsc --strict without the types of Node', { skip }, () => {
  const folder = mkdtempSync(fileURLToPath(new URL('types-', import.meta.url)));
  try {
    const file = join(folder, 'bare.mts');
    writeFileSync(file, `import { PortalError } from 'addepar-portal';
      import { SimulatedPortal } from 'addepar-portal/testing';
      const portal = await SimulatedPortal.start();
      portal.client()[Symbol.dispose]();
      const error = PortalError.fromJSON('{}');
      if (error.code === 'ERR_OUTCOME_UNKNOWN') error.fileIds;`);
    for (const lib of ['es2022,dom', 'es2023,dom']) {
      const { status, stdout } = compileWith(['--lib', lib, '--types', ''], file);
      assert.equal(status, 0, stdout);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
