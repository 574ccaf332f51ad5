// Where the addon is not there, or is not for this system: what the message says, and what to do.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';

const require = createRequire(import.meta.url);
const INSTALLED = dirname(require.resolve('addepar-portal/package.json'));
const { optionalDependencies } = require('addepar-portal/package.json');
const ADDON = Object.keys(optionalDependencies).flatMap((name) => resolved(name)).at(0);
const NAME = ADDON && require(join(dirname(ADDON), 'package.json')).name;

let folder;
let modules;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'addepar-portal-'));
  modules = join(folder, 'node_modules');
  cpSync(join(INSTALLED, 'dist'), join(modules, 'addepar-portal', 'dist'), { recursive: true });
  cpSync(join(INSTALLED, 'package.json'), join(modules, 'addepar-portal', 'package.json'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function resolved(name) {
  try {
    return [require.resolve(name)];
  } catch {
    return [];
  }
}

/** What a program says that loads the package there; both module systems say the same. */
function message(before = '') {
  const [first, second] = ["require('addepar-portal')", "import('addepar-portal')"].map((load) => {
    const { status, stderr } = spawnSync(process.execPath, ['--eval', `${before}; ${load}`], { cwd: folder, encoding: 'utf8' });
    assert.equal(status, 1, stderr);
    return /^.*Error: (addepar-portal cannot start: .*)$/m.exec(stderr)?.[1] ?? stderr;
  });
  assert.equal(first, second);
  return first;
}

function addAddon(content) {
  mkdirSync(join(modules, NAME));
  writeFileSync(join(modules, NAME, 'package.json'), JSON.stringify({ name: NAME, main: 'addon.node' }));
  writeFileSync(join(modules, NAME, 'addon.node'), content);
}

test('this platform has one package, of the same version', () => {
  assert.deepEqual(Object.keys(optionalDependencies).flatMap(resolved), [ADDON]);
  const versions = [INSTALLED, dirname(ADDON)].map((path) => require(join(path, 'package.json')).version);
  assert.deepEqual(versions, [optionalDependencies[NAME], optionalDependencies[NAME]]);
});

test('a platform without a package', () => {
  assert.equal(
    message(`Object.defineProperties(process, { platform: { value: 'plan9' }, arch: { value: 'mips' } })`),
    'addepar-portal cannot start: it has no native module for plan9-mips. It has one for: ' +
      `${Object.keys(optionalDependencies).map((name) => name.replace('addepar-portal-', '')).join(', ')}. Run it with Node ` +
      'on one of these platforms, or build it from its source there: `make package` needs cargo and Node.',
  );
});

test('a package that is not installed', () => {
  assert.match(
    message(),
    new RegExp(`is in the package \`${NAME}\`, which is not installed\\..* run \`npm install --include=optional\`\\.`),
  );
});

suite('musl is told apart', { skip: process.platform !== 'linux' && 'not Linux' }, () => {
  const MISSING = /addepar-portal-linux-\w+-musl`, which is not installed/;
  const executable = (head) => {
    writeFileSync(join(folder, 'node'), head);
    return `process.execPath = ${JSON.stringify(join(folder, 'node'))}; process.report.getReport = () => ({ header: {} });`;
  };

  test('by the loader that the head of this Node names', () => {
    const elf = (loader) => executable(`\x7fELF\0\0/lib/${loader}\0${'\0'.repeat(5000)}`);
    assert.match(message(elf('ld-musl-x86_64.so.1')), MISSING);
    assert.match(message(elf('ld-linux-x86-64.so.2')), /addepar-portal-linux-\w+-gnu`, which is not installed/);
  });

  test('otherwise by what Node reports', () => {
    assert.match(message(executable('no program')), MISSING);
    assert.match(message(`${executable('')} process.execPath = '/nowhere';`), MISSING);
  });
});

test('an addon that the system does not take', () => {
  addAddon('no addon');
  assert.match(message(), new RegExp(`its native module for ${NAME.replace('addepar-portal-', '')} cannot be loaded \\(.*addon\\.node`));
});

test('an older C library', { skip: !NAME?.endsWith('-gnu') && 'not glibc' }, () => {
  const wanted = /GLIBC_2\.\d\d\0/g;
  const text = readFileSync(ADDON, 'latin1');
  assert.match(text, wanted);
  addAddon(Buffer.from(text.replaceAll(wanted, 'GLIBC_2.99\0'), 'latin1'));
  const { glibcVersionRuntime: own } = process.report.getReport().header;
  assert.match(message(), new RegExp(`its native module needs glibc 2\\.99 or newer, and this system has glibc ${own.replace('.', '\\.')}\\.`));
});
