// Builds the addon and compiles the facade.
//
//   node scripts/build.mjs [--dev] [--with PACKAGE] [--target TRIPLE] [addon | facade]
//
// --dev: cargo's dev profile, quick to build. The addon goes to native/, the facade to dist/.
// --with: what cargo builds in the same run, so that both share every crate that they need.
// --target: what cargo builds for, one of platforms.json; this machine otherwise, or as CARGO_BUILD_TARGET says.

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { addonName, platformOf, ROOT } from './packages.mjs';

function run(command, args, stdout = 'inherit') {
  const { status, error, stdout: output } = spawnSync(command, args, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', stdout, 'inherit'],
  });
  if (status !== 0) {
    throw new Error(`${command} ${args.join(' ')} failed`, { cause: error });
  }
  return output;
}

const OPTIONS = {
  dev: { type: 'boolean' },
  with: { type: 'string', multiple: true, default: [] },
  target: { type: 'string', default: process.env.CARGO_BUILD_TARGET },
};
const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });

/** Compiles the addon and returns the path of the library. */
function buildLibrary() {
  const profile = values.dev ? 'dev' : 'release';
  const messages = run(
    'cargo',
    [
      'build',
      '--locked',
      ...['addepar-portal-node', ...values.with].map((name) => `--package=${name}`),
      `--profile=${profile}`,
      ...(values.target ? [`--target=${values.target}`] : []),
      '--message-format=json-render-diagnostics',
    ],
    'pipe',
  );
  return messages
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
    .find((message) => message.target?.name === 'addepar_portal_node' && message.filenames)
    .filenames.find((file) => /\.(so|dylib|dll)$/.test(file));
}

const PARTS = {
  addon() {
    const library = buildLibrary();
    rmSync(join(ROOT, 'native'), { recursive: true, force: true });
    mkdirSync(join(ROOT, 'native'));
    copyFileSync(library, join(ROOT, 'native', addonName(platformOf(values.target))));
  },
  facade() {
    rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
    run(process.execPath, [join('node_modules', 'typescript', 'bin', 'tsc')]);
  },
};
for (const part of positionals.length ? positionals : Object.keys(PARTS)) {
  PARTS[part]();
}
