// What the npm packages are: the one list of platforms, what is in each tarball, what each package.json says.
//
//   node --test tests/package/npm.test.mjs

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { addonName, packageName, platformManifest, PLATFORMS, thisPlatform } from '../../bindings-node/scripts/packages.mjs';
import { sbom } from '../../bindings-node/scripts/sbom.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const RELEASE = join(ROOT, '.github', 'workflows', 'release.yml');
const NAMES = Object.keys(PLATFORMS);
const { version, repository } = JSON.parse(
  execFileSync('cargo', ['metadata', '--no-deps', '--format-version=1', '--locked'], { cwd: ROOT, encoding: 'utf8', maxBuffer: 2 ** 26 }),
).packages.find(({ name }) => name === 'addepar-portal');
const LICENCES = readdirSync(ROOT).filter((name) => name.startsWith('LICENSE'));

function tar(...args) {
  return execFileSync('tar', args, { cwd: ROOT, encoding: 'utf8' });
}

/** A package's tarball in dist/: its files, and its package.json. */
function packed(name) {
  const tarball = join('dist', `${name}-${version}.tgz`);
  const files = tar('-tzf', tarball).split(/\r?\n/).filter(Boolean);
  const manifest = JSON.parse(tar('-xzOf', tarball, 'package/package.json'));
  return { files: files.map((file) => file.replace(/^package\//, '')).toSorted(), manifest };
}

function read(...path) {
  return readFileSync(join(ROOT, ...path), 'utf8');
}

const main = packed('addepar-portal');
const own = packed(packageName(thisPlatform()));

test('a platform is called as its values say', () => {
  const systems = { linux: 'linux', darwin: 'macosx', win32: 'win' };
  const machines = { x64: ['x86_64', 'amd64'], arm64: ['aarch64', 'arm64'] };
  for (const [name, { target, os, cpu, libc, runner, wheel }] of Object.entries(PLATFORMS)) {
    const end = { glibc: '-gnu', musl: '-musl' }[libc] ?? (os === 'win32' ? '-msvc' : '');
    assert.equal(name, `${os}-${cpu}${end}`);
    assert.equal(target.endsWith(end), true, target);
    assert.equal(target.startsWith(machines[cpu][0]), true, target);
    assert.match(wheel, new RegExp(`^(many|musl)?${systems[os]}.*(${machines[cpu].join('|')})$`));
    assert.equal(wheel.startsWith('musl'), libc === 'musl', wheel);
    assert.equal(runner.includes('arm') || runner === 'macos-15', cpu === 'arm64', runner);
  }
  assert.equal(new Set(Object.values(PLATFORMS).map(({ target }) => target)).size, 8);
});

test('the loader knows the platforms of the list, each by a literal name', () => {
  const loader = read('bindings-node', 'ts', 'loader.ts');
  const calls = [...loader.matchAll(/'([\w-]+)': \(\) => \{\s*try \{ return require\('addepar-portal-([\w-]+)'\); \} catch \(error\) \{ return findBeside\('([\w-]+)'/g)];
  assert.deepEqual(calls.map((call) => call.slice(1)), NAMES.map((name) => [name, name, name]));
  assert.equal(loader.match(/require\('addepar-portal-/g).length, NAMES.length);
});

test('the main package depends on each platform at its own version, and on nothing else', () => {
  assert.deepEqual(main.manifest.optionalDependencies, Object.fromEntries(NAMES.map((name) => [packageName(name), version])));
  assert.equal(main.manifest.dependencies, undefined);
});

test('the release workflow reads the list, and names no other target', { skip: !existsSync(RELEASE) && 'there is no release workflow' }, () => {
  const workflow = readFileSync(RELEASE, 'utf8');
  assert.match(workflow, /bindings-node\/platforms\.json/);
  const targets = new Set(Object.values(PLATFORMS).map(({ target }) => target));
  const named = workflow.match(/\b(x86_64|aarch64)-(unknown|apple|pc)-[a-z]+(-[a-z]+)?\b/g) ?? [];
  assert.deepEqual(named.filter((target) => !targets.has(target)), []);
});

test('a platform package says where it fits', () => {
  assert.deepEqual(own.manifest, JSON.parse(JSON.stringify(platformManifest(thisPlatform()))));
  for (const name of NAMES) {
    const { os, cpu, libc } = PLATFORMS[name];
    const manifest = platformManifest(name);
    assert.deepEqual([manifest.name, manifest.os, manifest.cpu, manifest.libc], [`addepar-portal-${name}`, [os], [cpu], libc && [libc]]);
  }
});

test('every package has the version and the addresses of the workspace', () => {
  for (const { manifest } of [main, own]) {
    assert.equal(manifest.version, version);
    assert.equal(manifest.license, 'Apache-2.0 OR MIT');
    assert.equal(manifest.private, undefined);
    assert.deepEqual(
      [manifest.homepage, manifest.bugs, manifest.repository],
      repository
        ? [`${repository}#readme`, `${repository}/issues`, { type: 'git', url: `git+${repository}.git`, directory: 'bindings-node' }]
        : [undefined, undefined, undefined],
    );
  }
});

test('the main package has these files and no others', () => {
  const compiled = readdirSync(join(ROOT, 'bindings-node', 'ts')).flatMap((name) => {
    const [, base, kind] = /^(.+)\.(m?)ts$/.exec(name);
    return [`dist/${base}.${kind}js`, `dist/${base}.d.${kind}ts`];
  });
  assert.deepEqual(main.files, [...compiled, ...LICENCES, 'README.md', 'package.json'].toSorted());
});

test('a platform package has these files and no others', () => {
  const notices = existsSync(join(ROOT, 'core', 'THIRD_PARTY_NOTICES.txt')) ? ['THIRD_PARTY_NOTICES.txt'] : [];
  const files = [addonName(thisPlatform()), ...LICENCES, ...notices, 'README.md', 'package.json', 'sbom.cyclonedx.json'];
  assert.deepEqual(own.files, files.toSorted());
});

test('the list of what is linked in names each crate once, with its licence and the checksum of the lock file', () => {
  const { bomFormat, specVersion, metadata, components, dependencies } = sbom(thisPlatform());
  assert.deepEqual([bomFormat, specVersion], ['CycloneDX', '1.5']);
  const references = [metadata.component, ...components].map((component) => component['bom-ref']);
  assert.equal(new Set(references).size, references.length);
  assert.deepEqual(dependencies.map(({ ref }) => ref), references.toSorted());
  for (const { dependsOn } of dependencies) {
    assert.deepEqual(dependsOn.filter((reference) => !references.includes(reference)), []);
  }
  const lock = read('Cargo.lock');
  for (const { name, licenses, hashes } of components) {
    assert.ok(licenses[0].expression, name);
    const isOurs = name.startsWith('addepar-portal');
    assert.equal(isOurs, hashes === undefined, name);
    assert.ok(isOurs || lock.includes(`"${hashes[0].content}"`), name);
  }
  for (const linked of ['napi', 'ring', 'rustls', 'tokio']) {
    assert.ok(components.some(({ name }) => name === linked), linked);
  }
  // It is built with these, and they are not in it.
  for (const builder of ['cc', 'napi-build', 'napi-derive', 'serde_derive', 'syn']) {
    assert.ok(!components.some(({ name }) => name === builder), builder);
  }
});
