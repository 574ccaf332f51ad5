// Builds the addon and compiles the facade.
//
//   node scripts/build.mjs [--dev]
//
// --dev: cargo's dev profile, quick to build. The addon goes to native/, the facade to dist/.

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { addonName, ROOT, thisPlatform } from './packages.mjs';

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

/** Compiles the addon and returns the path of the library. */
function buildLibrary() {
  const profile = process.argv.includes('--dev') ? 'dev' : 'release';
  const messages = run(
    'cargo',
    ['build', '--locked', '--package=addepar-portal-node', `--profile=${profile}`, '--message-format=json-render-diagnostics'],
    'pipe',
  );
  return messages
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
    .find((message) => message.target?.name === 'addepar_portal_node' && message.filenames)
    .filenames.find((file) => /\.(so|dylib|dll)$/.test(file));
}

const library = buildLibrary();

rmSync(join(ROOT, 'native'), { recursive: true, force: true });
mkdirSync(join(ROOT, 'native'));
copyFileSync(library, join(ROOT, 'native', addonName(thisPlatform())));

rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
run(process.execPath, [join('node_modules', 'typescript', 'bin', 'tsc')]);
