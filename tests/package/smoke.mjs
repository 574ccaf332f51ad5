// Installs the built packages into empty environments and runs the smoke tests there, with every
// CPython from 3.10 and every Node from 20 that can be found.
//
//   node tests/package/smoke.mjs

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = resolve(HERE, '..', '..');
const FOLDER = join(ROOT, '.test', 'smoke');
const artefacts = readdirSync(join(ROOT, 'dist')).map((name) => join(ROOT, 'dist', name));
const wheel = artefacts.find((path) => path.endsWith('.whl'));
const tarballs = artefacts.filter((path) => path.endsWith('.tgz'));

function run(command, args, options = {}) {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], ...options });
}

/** The interpreters by version, found once each. */
function interpreters(candidates, version) {
  const found = new Map();
  for (const path of candidates.filter((candidate) => existsSync(candidate))) {
    try {
      const name = version(path);
      if (name && !found.has(name)) found.set(name, path);
    } catch {
      // Not one that starts on this machine.
    }
  }
  return found;
}

function pythons() {
  const versions = ['3.10', '3.11', '3.12', '3.13', '3.14'];
  const folders = process.env.PATH.split(delimiter);
  const pyenv = join(process.env.PYENV_ROOT ?? join(homedir(), '.pyenv'), 'versions');
  if (existsSync(pyenv)) folders.push(...readdirSync(pyenv).map((name) => join(pyenv, name, 'bin')));
  const candidates = folders.flatMap((folder) => ['python3', ...versions.map((v) => `python${v}`)].map((name) => join(folder, name)));
  const program = 'import sys; print("%d.%d" % sys.version_info[:2] if sys.implementation.name == "cpython" else "")';
  return interpreters(candidates, (path) => {
    const name = run(path, ['-c', program], { stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    return versions.includes(name) ? name : undefined;
  });
}

function nodes() {
  const installed = join(HERE, 'node_modules');
  const others = existsSync(installed)
    ? readdirSync(installed).map((name) => join(installed, name, 'bin', 'node'))
    : [];
  return interpreters([process.execPath, ...others], (path) => run(path, ['-p', 'process.versions.node.split(".")[0]']).trim());
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
  if (versions.size < 2) {
    console.log(`ATTENTION: only one version of ${name} was found here; the smoke test wants at least two.`);
  }
}
