/**
 * Finds the addon, which each platform has in a package of its own: an optional dependency, so that a package manager
 * installs the one that fits. A test compares the list here with platforms.json.
 */

import type * as Fs from 'node:fs';

import { node } from './node';

const { closeSync, openSync, readSync } = node.esm?.fs ?? (require('node:fs') as typeof Fs);

/** Whether this code is in an ES module, as only a bundler puts it: there is no `require` that finds packages. */
const IS_ES_MODULE = typeof __filename === 'undefined';
/** Whether a bundler put this code into a file of its own: nobody else changes where it is. */
const IS_BUNDLED = IS_ES_MODULE || !/[\\/]dist[\\/]loader\.js$/.test(__filename);

/** A platform and its package. Bundlers find it by this call, and let it pass if it is not installed: hence each `try`. */
const PACKAGES: Readonly<Record<string, () => unknown>> = {
  'linux-x64-gnu': () => {
    try { return require('addepar-portal-linux-x64-gnu'); } catch (error) { return findBeside('linux-x64-gnu', error); }
  },
  'linux-x64-musl': () => {
    try { return require('addepar-portal-linux-x64-musl'); } catch (error) { return findBeside('linux-x64-musl', error); }
  },
  'linux-arm64-gnu': () => {
    try { return require('addepar-portal-linux-arm64-gnu'); } catch (error) { return findBeside('linux-arm64-gnu', error); }
  },
  'linux-arm64-musl': () => {
    try { return require('addepar-portal-linux-arm64-musl'); } catch (error) { return findBeside('linux-arm64-musl', error); }
  },
  'darwin-x64': () => {
    try { return require('addepar-portal-darwin-x64'); } catch (error) { return findBeside('darwin-x64', error); }
  },
  'darwin-arm64': () => {
    try { return require('addepar-portal-darwin-arm64'); } catch (error) { return findBeside('darwin-arm64', error); }
  },
  'win32-x64-msvc': () => {
    try { return require('addepar-portal-win32-x64-msvc'); } catch (error) { return findBeside('win32-x64-msvc', error); }
  },
  'win32-arm64-msvc': () => {
    try { return require('addepar-portal-win32-arm64-msvc'); } catch (error) { return findBeside('win32-arm64-msvc', error); }
  },
};

/** The addon for this platform. */
export function load(): unknown {
  const platform = platformName();
  try {
    const found = PACKAGES[platform]?.();
    if (found !== undefined) {
      return typeof found === 'string' ? loadFile(found) : found;
    }
  } catch (error) {
    throw cannotStart(error instanceof Error ? problem(platform, error) : String(error), error);
  }
  throw cannotStart(
    `it has no native module for ${platform}. It has one for: ${Object.keys(PACKAGES).join(', ')}. ` +
      'Run it with Node on one of these platforms, or build it from its source there: `make package` needs cargo and Node.',
  );
}

/** In an ES module Node's own `require` looks beside it; elsewhere that was done. */
function findBeside(platform: string, error: unknown): unknown {
  if (IS_ES_MODULE && node.esm && (error as NodeJS.ErrnoException).code !== 'ERR_DLOPEN_FAILED') {
    return node.esm.module.createRequire(node.esm.address())(`addepar-portal-${platform}`);
  }
  throw error;
}

/** Some bundlers copy the addon, and leave the path of the copy in its place. */
function loadFile(path: string): unknown {
  if (IS_ES_MODULE && node.esm) {
    return node.esm.module.createRequire(node.esm.address())(path);
  }
  const module = { exports: {} };
  process.dlopen(module, `${__dirname}/${path}`);
  return module.exports;
}

/** As Node names the platform; on Linux with the C library that this Node is linked to, on Windows with the compiler's. */
function platformName(): string {
  const platform = `${process.platform}-${process.arch}`;
  if (process.platform === 'linux') {
    return `${platform}-${isMusl() ? 'musl' : 'gnu'}`;
  }
  return process.platform === 'win32' ? `${platform}-msvc` : platform;
}

/**
 * Which C library this Node is linked to. The head of its file names that library's loader. Where it does not, Node's report
 * says it, which takes as long to make as everything else here together.
 */
function isMusl(): boolean {
  const [, loader] = /\/ld-(linux|musl)[-.]/.exec(headOf(process.execPath)) ?? [];
  return loader === undefined ? glibcVersion() === undefined : loader === 'musl';
}

/** The first bytes of a file; nothing if it cannot be read. */
function headOf(path: string): string {
  const head = Buffer.alloc(2048);
  try {
    const file = openSync(path, 'r');
    try {
      readSync(file, head, 0, head.length, 0);
    } finally {
      closeSync(file);
    }
  } catch {
    // Then the report says it.
  }
  return head.toString('latin1');
}

/** The version of glibc that this Node runs with; nothing with another C library. */
function glibcVersion(): string | undefined {
  const report: typeof process.report & { excludeNetwork?: boolean | undefined } = process.report;
  const { excludeNetwork } = report;
  // Otherwise Node asks for the names of the hosts that this process is connected to.
  report.excludeNetwork = true;
  try {
    return (report.getReport() as { header: { glibcVersionRuntime?: string } }).header.glibcVersionRuntime;
  } finally {
    report.excludeNetwork = excludeNetwork;
  }
}

function cannotStart(why: string, cause?: unknown): Error {
  return new Error(`addepar-portal cannot start: ${why}`, { cause });
}

/** Why the package of a platform was not found or not loaded, and what to do about it. */
function problem(platform: string, error: NodeJS.ErrnoException): string {
  const name = `addepar-portal-${platform}`;
  const [, glibc] = /version `GLIBC_([\d.]+)' not found/.exec(error.message) ?? [];
  if (glibc !== undefined) {
    return (
      `its native module needs glibc ${glibc} or newer, and this system has glibc ${glibcVersion() ?? 'in no version'}. ` +
      'Run it on a newer system (`ldd --version` shows what a system has), or on one with musl, such as Alpine Linux.'
    );
  }
  if (error.code === 'ERR_DLOPEN_FAILED') {
    return `its native module for ${platform} cannot be loaded (${error.message}).`;
  }
  if (IS_BUNDLED) {
    return (
      `this program was bundled without the native module in \`${name}\`. Leave \`addepar-portal\` out of the bundle and install ` +
      'it beside the bundle with `npm install addepar-portal`. ' +
      "esbuild: `--external:addepar-portal`. Rollup: `external: ['addepar-portal']`. " +
      "Vite: `ssr: { external: ['addepar-portal'] }`. webpack: `externals: { 'addepar-portal': 'node-commonjs addepar-portal' }`."
    );
  }
  return (
    `its native module is in the package \`${name}\`, which is not installed. npm leaves it out with \`--omit=optional\`; then ` +
    'run `npm install --include=optional`. npm also leaves it out with a lock file that was made on another system; then ' +
    'run `rm -rf node_modules package-lock.json && npm install`.'
  );
}
