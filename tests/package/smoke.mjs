// Installs the built packages into empty environments and runs the smoke tests there, with every
// CPython from 3.10 and every Node from 20 that can be found.
//
//   node tests/package/smoke.mjs

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { nodes, pythons } from './interpreters.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = resolve(HERE, '..', '..');
const FOLDER = join(ROOT, '.test', 'smoke');
const artefacts = readdirSync(join(ROOT, 'dist')).map((name) => join(ROOT, 'dist', name));
const wheel = artefacts.find((path) => path.endsWith('.whl'));
const tarballs = artefacts.filter((path) => path.endsWith('.tgz'));

function run(command, args, options = {}) {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], ...options });
}

rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(FOLDER, { recursive: true });

const found = { CPython: pythons(), Node: nodes() };
for (const [version, python] of found.CPython) {
  const environment = join(FOLDER, `cpython-${version}`);
  run(python, ['-m', 'venv', environment]);
  const inside = join(environment, process.platform === 'win32' ? 'Scripts' : 'bin', 'python');
  run(inside, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-index', wheel]);
  process.stdout.write(run(inside, ['-I', join(HERE, 'smoke.py')]));
}

const project = join(FOLDER, 'node');
mkdirSync(project);
writeFileSync(join(project, 'package.json'), '{ "private": true }\n');
run('npm', ['install', '--silent', '--offline', ...tarballs], { cwd: project, shell: process.platform === 'win32' });
cpSync(join(HERE, 'smoke.cjs'), join(project, 'smoke.cjs'));
for (const node of found.Node.values()) {
  process.stdout.write(run(node, ['smoke.cjs'], { cwd: project }));
}

for (const [name, versions] of Object.entries(found)) {
  if (versions.size === 0) {
    throw new Error(`The smoke test found no ${name} on this machine.`);
  }
  if (versions.size < 2) {
    console.log(`ATTENTION: only one version of ${name} was found here; the smoke test wants at least two.`);
  }
}
