// What an addon is built from, as a CycloneDX document: the crates that are linked into it, by cargo's own account.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { cargo, PLATFORMS, ROOT } from './packages.mjs';

const CRATE = 'addepar-portal-node';

/** The document for a platform. It is the same whenever and wherever it is made. */
export function sbom(platform) {
  const { packages, resolve } = JSON.parse(cargo(['metadata', '--format-version=1']));
  const linked = namesLinked(PLATFORMS[platform].target);
  const crates = packages.filter((crate) => linked.has(`${crate.name} v${crate.version}`));
  if (crates.length !== linked.size) {
    throw new Error('cargo tree and cargo metadata do not name the same crates');
  }
  const checksums = readChecksums();
  const addon = crates.find(({ name }) => name === CRATE);
  const references = new Map(crates.map((crate) => [crate.id, purl(crate)]));
  const dependencies = resolve.nodes
    .filter(({ id }) => references.has(id))
    .map(({ id, deps }) => ({
      ref: references.get(id),
      dependsOn: deps
        .filter(({ dep_kinds: kinds }) => kinds.some(({ kind }) => kind === null))
        .flatMap(({ pkg }) => references.get(pkg) ?? [])
        .toSorted(),
    }));
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: component(addon, checksums), properties: [{ name: 'cdx:rustc:sbom:target:triple', value: PLATFORMS[platform].target }] },
    components: crates
      .filter((crate) => crate !== addon)
      .map((crate) => component(crate, checksums))
      .toSorted(by('purl')),
    dependencies: dependencies.toSorted(by('ref')),
  };
}

/** The crates that become part of the addon: no build scripts, macros or tests. */
function namesLinked(target) {
  const args = ['tree', `--package=${CRATE}`, `--target=${target}`, '--edges=normal,no-proc-macro', '--prefix=none', '--format={p}'];
  const lines = cargo(args).split('\n').filter(Boolean);
  return new Set(lines.map((line) => line.split(' ').slice(0, 2).join(' ')));
}

function component(crate, checksums) {
  const checksum = checksums.get(`${crate.name} v${crate.version}`);
  return {
    type: 'library',
    'bom-ref': purl(crate),
    name: crate.name,
    version: crate.version,
    ...(crate.description && { description: crate.description }),
    scope: 'required',
    ...(checksum && { hashes: [{ alg: 'SHA-256', content: checksum }] }),
    ...(crate.license && { licenses: [{ expression: crate.license.replaceAll('/', ' OR ') }] }),
    purl: purl(crate),
    ...(crate.repository && { externalReferences: [{ type: 'vcs', url: crate.repository }] }),
  };
}

function purl({ name, version }) {
  return `pkg:cargo/${name}@${version}`;
}

/** What the lock file says that each crate's file has to be. */
function readChecksums() {
  const lock = readFileSync(join(ROOT, '..', 'Cargo.lock'), 'utf8');
  const entries = lock.matchAll(/^name = "(.+)"\nversion = "(.+)"\nsource = .+\nchecksum = "(.+)"$/gm);
  return new Map([...entries].map(([, name, version, checksum]) => [`${name} v${version}`, checksum]));
}

function by(key) {
  return (one, other) => (one[key] < other[key] ? -1 : 1);
}
