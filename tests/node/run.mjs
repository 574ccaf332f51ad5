// Runs the tests of the Node package against the package as it is installed from its tarball.
//
//   node tests/node/run.mjs TARBALL... [NODE...]
//
// TARBALL: what `npm run pack` in bindings-node made, the main package and this platform's. NODE: interpreters to run the tests with;
// by default the one that runs this script. The last lines are those of `node --test`.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');
const FOLDER = join(ROOT, '.test', 'node');

function run(command, args, env = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd: FOLDER,
    stdio: 'inherit',
    env: { ...process.env, ...env },
    shell: process.platform === 'win32',
  });
  if (status !== 0) {
    throw new Error(`${command} ${args.join(' ')} failed`, { cause: error });
  }
}

const files = process.argv.slice(2).map((path) => resolve(path));
const tarballs = files.filter((path) => path.endsWith('.tgz'));
const interpreters = files.filter((path) => !path.endsWith('.tgz'));
if (tarballs.length === 0) {
  throw new Error('Name the tarballs: node tests/node/run.mjs TARBALL... [NODE...]');
}
rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(FOLDER, { recursive: true });
writeFileSync(join(FOLDER, 'package.json'), '{ "private": true }\n');
run('npm', ['install', '--offline', '--no-audit', '--no-fund', ...tarballs]);
// Copies, so that they find the package in this folder; in the places that they have in the repository.
for (const path of ['README.md', '.docs/pages', 'tests/node', 'tests/cases', 'tests/texts', 'examples/node', 'examples/command-line']) {
  cpSync(join(ROOT, path), join(FOLDER, path), { recursive: true });
}
const tests = readdirSync(join(FOLDER, 'tests', 'node')).filter((name) => name.endsWith('.test.mjs'));
for (const interpreter of interpreters.length ? interpreters : [process.execPath]) {
  run(interpreter, ['--test', ...tests.map((name) => join('tests', 'node', name))], {
    PATH: `${dirname(interpreter)}${delimiter}${process.env.PATH}`,
    ADDEPAR_PORTAL_TOOLS: join(ROOT, 'bindings-node', 'node_modules'),
  });
}
