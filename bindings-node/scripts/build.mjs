// Builds the addon and compiles the facade.
//
//   node scripts/build.mjs [--dev] [--target TRIPLE]
//
// --dev: cargo's dev profile, quick to build. The addon goes to native/, the facade to dist/.
// --target: what cargo builds for. `make` says it, and for Linux which linker to use (`.cargo/zig.sh`).

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

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

/** The addon's name by Node's words; on Linux with the C library that this Node is linked to. */
function platform() {
  const base = `${process.platform}-${process.arch}`;
  if (process.platform !== 'linux') {
    return base;
  }
  return `${base}-${process.report.getReport().header.glibcVersionRuntime ? 'gnu' : 'musl'}`;
}

const { dev, target } = parseArgs({ options: { dev: { type: 'boolean' }, target: { type: 'string' } } }).values;
const profile = dev ? 'dev' : 'release';
const messages = run(
  'cargo',
  [
    'build',
    '--locked',
    '--package=addepar-portal-node',
    `--profile=${profile}`,
    ...(target ? [`--target=${target}`] : []),
    '--message-format=json-render-diagnostics',
  ],
  'pipe',
);
const library = messages
  .split('\n')
  .filter((line) => line.startsWith('{'))
  .map((line) => JSON.parse(line))
  .find((message) => message.target?.name === 'addepar_portal_node' && message.filenames)
  .filenames.find((file) => /\.(so|dylib|dll)$/.test(file));

rmSync(join(ROOT, 'native'), { recursive: true, force: true });
mkdirSync(join(ROOT, 'native'));
copyFileSync(library, join(ROOT, 'native', `addepar-portal.${platform()}.node`));

rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
run(process.execPath, [join('node_modules', 'typescript', 'bin', 'tsc')]);

// The package carries what its page in the registry shows.
for (const file of readdirSync(join(ROOT, '..')).filter((name) => /^(README|LICENSE)/.test(name))) {
  copyFileSync(join(ROOT, '..', file), join(ROOT, file));
}
