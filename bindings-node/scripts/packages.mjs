// What the npm packages are: their names, their versions and what is written into each package.json.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const MAIN = readJson('package.json');

/** The platforms that have a package, by name: the one list of them. */
export const PLATFORMS = readJson('platforms.json');

/** The platform's name: Node's words; on Linux with the C library that this Node is linked to, on Windows with the compiler's. */
export function thisPlatform() {
  const { platform, arch, report } = process;
  const isThis = ({ os, cpu, libc }) =>
    os === platform && cpu === arch && (!libc || (libc === 'glibc') === ('glibcVersionRuntime' in report.getReport().header));
  const name = Object.keys(PLATFORMS).find((each) => isThis(PLATFORMS[each]));
  if (!name) {
    throw new Error(`platforms.json has no platform for ${platform} on ${arch}`);
  }
  return name;
}

/** A target without its second part, which names who makes the compiler, such as `alpine`. */
function kind(target) {
  return target.replace(/-[^-]+/, '');
}

/** The name of the platform that cargo builds for: a target, or this one. */
export function platformOf(target) {
  const name = target ? Object.keys(PLATFORMS).find((each) => kind(PLATFORMS[each].target) === kind(target)) : thisPlatform();
  if (!name) {
    throw new Error(`platforms.json has no platform with the target ${target}`);
  }
  return name;
}

export function packageName(platform) {
  return `${MAIN.name}-${platform}`;
}

/** The name of the file that is the addon. */
export function addonName(platform) {
  return `${MAIN.name}.${platform}.node`;
}

/** What cargo knows of the workspace and of what its packages are built from. */
export function cargo(args) {
  return execFileSync('cargo', [...args, '--locked'], { cwd: ROOT, encoding: 'utf8', maxBuffer: 2 ** 28 });
}

/** What all packages say of themselves. The version and the addresses are those of the workspace. */
function shared() {
  const { packages } = JSON.parse(cargo(['metadata', '--no-deps', '--format-version=1']));
  const { version, repository } = packages.find(({ name }) => name === MAIN.name);
  const addresses = repository && {
    homepage: `${repository}#readme`,
    bugs: `${repository}/issues`,
    repository: { type: 'git', url: `git+${repository}.git`, directory: 'bindings-node' },
  };
  return { version, license: MAIN.license, ...addresses };
}

/** The package.json of the main package: bindings-node's, without what is for its development. */
export function mainManifest() {
  const { name, private: _private, scripts: _scripts, devDependencies: _devDependencies, ...rest } = MAIN;
  const common = shared();
  const optionalDependencies = Object.fromEntries(Object.keys(PLATFORMS).map((platform) => [packageName(platform), common.version]));
  return { name, ...common, ...rest, optionalDependencies };
}

/** The package.json of a platform's package. */
export function platformManifest(platform) {
  const { os, cpu, libc } = PLATFORMS[platform];
  return {
    name: packageName(platform),
    ...shared(),
    description: `The native module of ${MAIN.name} for ${platform}.`,
    engines: MAIN.engines,
    os: [os],
    cpu: [cpu],
    ...(libc && { libc: [libc] }),
    type: 'commonjs',
    main: addonName(platform),
    // Yarn must not leave it in an archive, where the system cannot load it.
    preferUnplugged: true,
  };
}

function readJson(name) {
  return JSON.parse(readFileSync(join(ROOT, name), 'utf8'));
}
