// Packs what `node scripts/build.mjs` built: of the facade the main package, of each addon in native/ that platform's.
//
//   node scripts/pack.mjs [--into FOLDER] [addon | facade]
//
// The folders of the packages are made in packages/, their tarballs in ../dist.

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { addonName, mainManifest, packageName, platformManifest, PLATFORMS, ROOT } from './packages.mjs';
import { sbom } from './sbom.mjs';

const REPOSITORY = join(ROOT, '..');
const PACKAGES = join(ROOT, 'packages');
const NOTICES = join(REPOSITORY, 'core', 'THIRD_PARTY_NOTICES.txt');
const LICENCES = readdirSync(REPOSITORY)
  .filter((name) => name.startsWith('LICENSE'))
  .map((name) => join(REPOSITORY, name));

/** Makes a package's folder of a package.json, of copies and of texts by name. */
function fill(manifest, copies, texts = {}) {
  const folder = join(PACKAGES, manifest.name);
  mkdirSync(folder, { recursive: true });
  for (const file of [...copies, ...LICENCES]) {
    cpSync(file, join(folder, basename(file)), { recursive: true });
  }
  for (const [name, text] of Object.entries({ ...texts, 'package.json': JSON.stringify(manifest, null, 2) })) {
    writeFileSync(join(folder, name), `${text}\n`);
  }
  return folder;
}

function readme(platform) {
  return `# ${packageName(platform)}

The native module of [addepar-portal](https://www.npmjs.com/package/addepar-portal) for ${platform}
(\`${PLATFORMS[platform].target}\`). \`npm install addepar-portal\` installs it where it fits; it is not for use by itself.

\`THIRD_PARTY_NOTICES.txt\` has the licences of what is linked into it, \`sbom.cyclonedx.json\` a list of that.`;
}

const PARTS = {
  facade: () => [fill(mainManifest(), [join(ROOT, 'dist'), join(REPOSITORY, 'README.md')])],
  addon: () =>
    Object.keys(PLATFORMS)
      .filter((platform) => existsSync(join(ROOT, 'native', addonName(platform))))
      .map((platform) => {
        const copies = [join(ROOT, 'native', addonName(platform)), NOTICES].filter(existsSync);
        return fill(platformManifest(platform), copies, {
          'README.md': readme(platform),
          'sbom.cyclonedx.json': JSON.stringify(sbom(platform), null, 2),
        });
      }),
};

rmSync(PACKAGES, { recursive: true, force: true });
const { values, positionals } = parseArgs({ options: { into: { type: 'string' } }, allowPositionals: true });
const folders = (positionals.length ? positionals : Object.keys(PARTS)).flatMap((part) => PARTS[part]());
const destination = values.into ? resolve(values.into) : join(REPOSITORY, 'dist');
mkdirSync(destination, { recursive: true });
execFileSync('npm', ['pack', '--silent', `--pack-destination=${destination}`, ...folders], {
  shell: process.platform === 'win32',
  stdio: ['ignore', 'inherit', 'inherit'],
});
