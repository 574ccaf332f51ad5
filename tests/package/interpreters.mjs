// The interpreters of this machine, for the trials of the packages.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));

function answer(path, args) {
  return execFileSync(path, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
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

/** Every CPython from 3.10, by version. */
export function pythons() {
  const versions = ['3.10', '3.11', '3.12', '3.13', '3.14'];
  const folders = process.env.PATH.split(delimiter);
  const pyenv = join(process.env.PYENV_ROOT ?? join(homedir(), '.pyenv'), 'versions');
  if (existsSync(pyenv)) folders.push(...readdirSync(pyenv).map((name) => join(pyenv, name, 'bin')));
  const names = ['python3', ...versions.map((version) => `python${version}`)];
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const candidates = folders.flatMap((folder) => names.map((name) => join(folder, `${name}${suffix}`)));
  const program = 'import sys; print("%d.%d" % sys.version_info[:2] if sys.implementation.name == "cpython" else "")';
  return interpreters(candidates, (path) => {
    const name = answer(path, ['-c', program]);
    return versions.includes(name) ? name : undefined;
  });
}

/** Every major version of Node, this one first. */
export function nodes() {
  const installed = join(HERE, 'node_modules');
  const others = existsSync(installed) ? readdirSync(installed).map((name) => join(installed, name, 'bin', 'node')) : [];
  return interpreters([process.execPath, ...others], (path) => answer(path, ['-p', 'process.versions.node.split(".")[0]']));
}
