// Installs, bundles and type-checks the npm packages as their users do, from the tarballs in dist/ and without the internet.
//
//   node tests/package/trials/node.mjs
//
// `make package-trials` builds the tarballs first and installs the package managers, bundlers and compilers.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { addonName, packageName, platformManifest, PLATFORMS, thisPlatform } from '../../../bindings-node/scripts/packages.mjs';
import { nodes } from '../interpreters.mjs';
import { startRegistry } from './registry.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, '..', '..', '..');
const FOLDER = join(ROOT, '.test', 'trials', 'node');
const TOOLS = join(HERE, 'node_modules');
const tool = createRequire(import.meta.url);
const MAIN = 'addepar-portal';
const OWN = packageName(thisPlatform());
const { version: VERSION } = platformManifest(thisPlatform());
const OTHER_VERSION = `${VERSION}-other.1`;

let registry;
before(async () => {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  registry = await startRegistry([...packages(VERSION), ...packages(OTHER_VERSION)], VERSION);
});
after(() => registry.close());

/** The main package and those of all platforms, with this version; those of other platforms with nothing in them. */
function packages(version) {
  const folders = [MAIN, ...Object.keys(PLATFORMS).map(packageName)].map((name) => {
    const folder = join(FOLDER, 'packages', version, name);
    const tarball = join(ROOT, 'dist', `${name}-${VERSION}.tgz`);
    mkdirSync(folder, { recursive: true });
    if (name === MAIN || name === OWN) {
      execFileSync('tar', ['-xzf', tarball, '--strip-components=1', '-C', folder]);
    } else {
      const platform = name.slice(MAIN.length + 1);
      writeFileSync(join(folder, 'package.json'), JSON.stringify(platformManifest(platform)));
      writeFileSync(join(folder, addonName(platform)), 'an addon of another platform');
    }
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    manifest.version = version;
    for (const dependency of Object.keys(manifest.optionalDependencies ?? {})) {
      manifest.optionalDependencies[dependency] = version;
    }
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
    return { folder, manifest };
  });
  const destination = join(FOLDER, 'tarballs');
  mkdirSync(destination, { recursive: true });
  execFileSync('npm', ['pack', '--silent', `--pack-destination=${destination}`, ...folders.map(({ folder }) => folder)]);
  return folders.map(({ manifest }) => ({ manifest, tarball: join(destination, `${manifest.name}-${version}.tgz`) }));
}

/** A user's project. */
function project(name, dependencies = { [MAIN]: VERSION }, files = {}) {
  const folder = join(FOLDER, name);
  mkdirSync(folder, { recursive: true });
  cpSync(join(HERE, '..', 'smoke.cjs'), join(folder, 'smoke.cjs'));
  cpSync(join(HERE, 'program.mjs'), join(folder, 'program.mjs'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'trial', private: true, dependencies }));
  for (const [file, content] of Object.entries(files)) {
    writeFileSync(join(folder, file), content);
  }
  return folder;
}

/** Runs a program to its end, with the settings of nobody who happens to run the trials. */
async function run(folder, command, args, options = {}) {
  const { PATH } = process.env;
  const settings = { npm_config_registry: registry.url, npm_config_audit: 'false', npm_config_fund: 'false', npm_config_update_notifier: 'false' };
  const env = { PATH, HOME: join(FOLDER, 'home'), ...settings, ...options.env };
  const child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], timeout: 240_000, killSignal: 'SIGKILL', ...options, env });
  const exit = new Promise((resolve, reject) => {
    child.on('error', reject).on('exit', resolve);
  });
  const [status, stdout, stderr] = await Promise.all([exit, text(child.stdout), text(child.stderr)]);
  return { status, stdout, stderr };
}

async function succeeds(folder, command, args, options) {
  const { status, stdout, stderr } = await run(folder, command, args, options);
  assert.equal(status, 0, `${command} ${args.join(' ')}\n${stdout}\n${stderr}`);
  return stdout;
}

async function works(folder, { node = process.execPath, ...options } = {}) {
  assert.match(await succeeds(folder, node, ['smoke.cjs'], options), /: ok$/m);
  assert.match(await succeeds(folder, node, ['program.mjs'], options), /^published$/m);
}

function npm(folder, ...args) {
  return succeeds(folder, 'npm', args, { shell: process.platform === 'win32' });
}

/** Our packages in a project. */
function installed(folder) {
  const modules = join(folder, 'node_modules');
  return existsSync(modules) ? readdirSync(modules).filter((name) => name.startsWith(MAIN)).toSorted() : [];
}

suite('installed by', { concurrency: false }, () => {
  test('npm, for every Node that was found', async () => {
    const folder = project('npm');
    await npm(folder, 'install');
    assert.deepEqual(installed(folder), [MAIN, OWN]);
    const found = [...nodes().values()];
    assert.ok(found.length > 1, 'the trials want at least two versions of Node');
    for (const node of found) {
      await works(folder, { node });
    }
    assert.match(await succeeds(folder, 'npm', ['exec', '--offline', '--', MAIN, '--help']), /^Usage: addepar-portal/m);
  });

  test('pnpm', async () => {
    const folder = project('pnpm');
    await succeeds(folder, process.execPath, [join(TOOLS, 'pnpm', 'bin', 'pnpm.cjs'), 'install', '--ignore-workspace', `--registry=${registry.url}`]);
    await works(folder);
  });

  test('Yarn 1', async () => {
    const folder = project('yarn-1');
    await succeeds(folder, process.execPath, [join(TOOLS, 'yarn', 'bin', 'yarn.js'), 'install', '--non-interactive', `--registry=${registry.url}`]);
    await works(folder);
  });

  for (const linker of ['node-modules', 'pnp']) {
    test(`Yarn 4 with ${linker}`, async () => {
      const settings = [
        `nodeLinker: ${linker}`,
        `npmRegistryServer: "${registry.url}"`,
        'unsafeHttpWhitelist: ["127.0.0.1"]',
        'enableGlobalCache: false',
        'enableImmutableInstalls: false',
        'enableTelemetry: false',
        'npmMinimalAgeGate: 0',
        // Otherwise no ES module can be loaded from a package.
        'pnpEnableEsmLoader: true',
      ];
      const folder = project(`yarn-4-${linker}`, undefined, { 'yarn.lock': '', '.yarnrc.yml': `${settings.join('\n')}\n` });
      const yarn = join(TOOLS, '@yarnpkg', 'cli-dist', 'bin', 'yarn.js');
      await succeeds(folder, process.execPath, [yarn, 'install']);
      assert.equal(existsSync(join(folder, 'node_modules')), linker === 'node-modules');
      assert.match(await succeeds(folder, process.execPath, [yarn, 'node', 'smoke.cjs']), /: ok$/m);
      assert.match(await succeeds(folder, process.execPath, [yarn, 'node', 'program.mjs']), /^published$/m);
    });
  }
});

/** Source text: prints the paths of the addons that are loaded. */
const SAY_ADDONS = `console.log(JSON.stringify(Object.keys(require.cache).filter((path) => path.endsWith('.node'))));`;

suite('installed', { concurrency: false }, () => {
  test('without scripts', async () => {
    const folder = project('no-scripts');
    await npm(folder, 'install', '--ignore-scripts');
    await works(folder);
  });

  test('below a path with spaces and characters of other languages', async () => {
    const folder = project('Gäste & Kunden 顧客 файлы');
    await npm(folder, 'install');
    await works(folder);
  });

  test('where nothing can be written, without a home', async () => {
    const folder = project('read-only');
    await npm(folder, 'install');
    await succeeds(folder, 'chmod', ['-R', 'a-w,a+rX', folder]);
    // Root may write everywhere: another user runs it.
    const other = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    try {
      const write = `require('node:fs').writeFileSync('node_modules/written', '')`;
      assert.match((await run(folder, process.execPath, ['--eval', write], other)).stderr, /EACCES|EROFS/);
      await works(folder, { ...other, env: { HOME: undefined } });
      await works(folder, { ...other, env: { HOME: '/nonexistent' } });
    } finally {
      await succeeds(folder, 'chmod', ['-R', 'u+w', folder]);
    }
  });

  test('in two versions side by side, in one process', async () => {
    const folder = project('two-versions', { [MAIN]: VERSION, other: `npm:${MAIN}@${OTHER_VERSION}` });
    await npm(folder, 'install');
    await works(folder);
    const program = readFileSync(join(folder, 'smoke.cjs'), 'utf8');
    writeFileSync(join(folder, 'other.cjs'), program.replaceAll(`('${MAIN}`, `('other`));
    writeFileSync(join(folder, 'both.cjs'), `require('./smoke.cjs'); require('./other.cjs'); ${SAY_ADDONS}`);
    const said = await succeeds(folder, process.execPath, ['both.cjs']);
    assert.equal(said.match(/: ok$/gm).length, 2);
    const versions = JSON.parse(said.split('\n')[0]).map((path) => JSON.parse(readFileSync(join(dirname(path), 'package.json'), 'utf8')).version);
    assert.deepEqual(versions.toSorted(), [VERSION, OTHER_VERSION]);
  });

  test('and uninstalled: nothing is left', async () => {
    const folder = project('uninstalled');
    await npm(folder, 'install');
    await works(folder);
    await npm(folder, 'uninstall', MAIN);
    assert.deepEqual(installed(folder), []);
    assert.deepEqual(readdirSync(folder).toSorted(), ['node_modules', 'package-lock.json', 'package.json', 'program.mjs', 'smoke.cjs']);
    assert.deepEqual(readdirSync(join(folder, 'node_modules'), { recursive: true }).toSorted(), ['.bin', '.package-lock.json']);
    // npm's own, from the other trials too; nothing of ours.
    const home = readdirSync(join(FOLDER, 'home'), { recursive: true }).filter((path) => path.includes('addepar') && !path.startsWith('.'));
    assert.deepEqual(home, []);
  });
});

/** Why a program there cannot load the package. */
async function messageOf(folder) {
  const { status, stderr } = await run(folder, process.execPath, ['smoke.cjs']);
  assert.equal(status, 1);
  return /Error: (addepar-portal cannot start: .*)/.exec(stderr)?.[1] ?? stderr;
}

suite('the command in the message helps', { concurrency: false }, () => {
  test('after `--omit=optional`', async () => {
    const folder = project('omitted');
    await npm(folder, 'install', '--omit=optional');
    const [, command] = /`--omit=optional`; then run `(.+?)`/.exec(await messageOf(folder));
    await succeeds(folder, command, [], { shell: true });
    await works(folder);
  });

  test('after a lock file that was made on another system', async () => {
    // The npm that comes with Node 20 and 22 forgets the platforms that are not in node_modules.
    const env = { PATH: [join(TOOLS, '.bin'), process.env.PATH].join(delimiter) };
    const folder = project('lock-file');
    await succeeds(folder, 'npm', ['install', '--os=darwin', '--cpu=arm64'], { env });
    rmSync(join(folder, 'package-lock.json'));
    await succeeds(folder, 'npm', ['install', '--os=darwin', '--cpu=arm64'], { env });
    rmSync(join(folder, 'node_modules'), { recursive: true });
    await succeeds(folder, 'npm', ['ci'], { env });
    const [, command] = /made on another system; then run `(.+?)`/.exec(await messageOf(folder));
    await succeeds(folder, command, [], { env, shell: true });
    await works(folder);
  });
});

suite('bundled by', { concurrency: false }, () => {
  const ENDINGS = { esm: 'mjs', cjs: 'cjs' };
  const PACKAGE = [MAIN, `${MAIN}/testing`];
  let folder;
  before(async () => {
    folder = project('bundles');
    await npm(folder, 'install');
  });

  /** How each bundler makes a bundle: with the addon inside its folder, and with the line that leaves the package out. */
  const BUNDLERS = {
    esbuild: {
      bundle: (output, format, options) =>
        tool('esbuild').build({
          absWorkingDir: folder,
          entryPoints: ['program.mjs'],
          outfile: output,
          bundle: true,
          platform: 'node',
          format,
          logLevel: 'silent',
          ...options,
        }),
      inside: { loader: { '.node': 'file' } },
      external: { external: [MAIN] },
      without: { external: [`${MAIN}-*`] },
    },
    webpack: {
      bundle: async (output, format, options) => {
        const isModule = format === 'esm';
        const settings = {
          mode: 'production',
          target: 'node20',
          context: folder,
          entry: './program.mjs',
          output: {
            path: dirname(output),
            filename: `program.${ENDINGS[format]}`,
            publicPath: '',
            ...(isModule ? { module: true, chunkFormat: 'module', library: { type: 'module' } } : { library: { type: 'commonjs2' } }),
          },
          experiments: { outputModule: isModule },
          resolveLoader: { modules: [TOOLS] },
          ...options,
        };
        const stats = await new Promise((resolve, reject) => {
          tool('webpack')(settings, (error, done) => (error ? reject(error) : resolve(done)));
        });
        const { errors, warnings } = stats.toJson({ all: false, errors: true, warnings: true });
        assert.deepEqual(errors, []);
        // The packages of other platforms are not there, and nothing else is to be said.
        assert.deepEqual(warnings.filter(({ message }) => !message.includes(`Can't resolve '${MAIN}-`)), []);
      },
      inside: { module: { rules: [{ test: /\.node$/, loader: 'node-loader' }] } },
      external: { externals: Object.fromEntries(PACKAGE.map((name) => [name, `node-commonjs ${name}`])) },
      without: { externals: { [OWN]: `node-commonjs ${OWN}` } },
    },
    Vite: {
      bundle: async (output, format, { moduleTypes, external = [], ...ssr }) => {
        const { build } = await import('vite');
        await build({
          configFile: false,
          root: folder,
          logLevel: 'error',
          build: {
            ssr: 'program.mjs',
            outDir: dirname(output),
            ssrEmitAssets: true,
            rolldownOptions: {
              external,
              moduleTypes,
              output: { format, entryFileNames: `program.${ENDINGS[format]}`, assetFileNames: '[name]-[hash][extname]' },
            },
          },
          ssr,
        });
      },
      inside: { noExternal: true, moduleTypes: { '.node': 'asset' } },
      external: { external: [MAIN] },
      without: { noExternal: true, external: [new RegExp(`^${MAIN}-`)] },
    },
    Rollup: {
      bundle: async (output, format, { external }) => {
        const plugins = [tool('@rollup/plugin-node-resolve').default(), tool('@rollup/plugin-commonjs').default()];
        const bundle = await tool('rollup').rollup({ input: join(folder, 'program.mjs'), plugins, external, logLevel: 'silent' });
        await bundle.write({ file: output, format });
      },
      external: { external: PACKAGE },
      without: { external: [new RegExp(`^${MAIN}-`)] },
    },
  };

  const KINDS = { inside: 'the addon is inside', external: 'the package is left out', without: 'the addon is left out' };
  for (const [name, { bundle, ...kinds }] of Object.entries(BUNDLERS)) {
    for (const format of Object.keys(ENDINGS)) {
      for (const [kind, options] of Object.entries(kinds)) {
        test(`${name} to ${format}: ${KINDS[kind]}`, async () => {
          const program = `program.${ENDINGS[format]}`;
          const output = join(folder, 'out', `${name}-${format}-${kind}`, program);
          await bundle(output, format, options);
          const beside = await run(folder, process.execPath, [output]);
          assert.deepEqual([beside.status, beside.stdout], [0, 'published\n'], beside.stderr);
          // Where none of the packages is installed.
          const alone = join(FOLDER, 'alone', `${name}-${format}-${kind}`);
          cpSync(dirname(output), alone, { recursive: true });
          const { status, stdout, stderr } = await run(alone, process.execPath, [program]);
          if (kind === 'inside') {
            assert.deepEqual([status, stdout], [0, 'published\n'], stderr);
          } else {
            assert.equal(status, 1);
            assert.match(stderr, kind === 'without' ? new RegExp(`bundled without.*\`${OWN}\`.*Leave \`${MAIN}\` out.*${name}: \``) : /Cannot find (module|package)/);
          }
        });
      }
    }
  }

  test('@vercel/nft: the addon is traced, and no other platform', async () => {
    const { fileList } = await tool('@vercel/nft').nodeFileTrace([join(folder, 'program.mjs')], { base: folder });
    const addons = [...fileList].filter((file) => file.endsWith('.node'));
    assert.deepEqual(addons, [join('node_modules', OWN, addonName(thisPlatform()))]);
    const alone = join(FOLDER, 'alone', 'nft');
    for (const file of fileList) {
      cpSync(join(folder, file), join(alone, file));
    }
    assert.match(await succeeds(alone, process.execPath, ['program.mjs']), /^published$/m);
  });
});

suite('typed', { concurrency: false }, () => {
  let folder;
  before(async () => {
    folder = project('types');
    await npm(folder, 'install');
    for (const file of ['sample.mts', 'sample.cts']) {
      cpSync(join(ROOT, 'tests', 'node', 'types', file), join(folder, file));
    }
    writeFileSync(join(folder, 'classic.ts'), readFileSync(join(folder, 'sample.mts')));
  });

  const STRICT = [
    '--strict',
    '--exactOptionalPropertyTypes',
    '--noUncheckedIndexedAccess',
    '--noPropertyAccessFromIndexSignature',
    '--skipLibCheck',
    'false',
    '--noEmit',
    '--target',
    'es2022',
    '--lib',
    'es2023,esnext.disposable',
    '--types',
    'node',
    '--typeRoots',
    join(TOOLS, '@types'),
  ];
  const RESOLUTIONS = {
    node16: { flags: ['--module', 'node16'], files: ['sample.mts', 'sample.cts'] },
    nodenext: { flags: ['--module', 'nodenext'], files: ['sample.mts', 'sample.cts'] },
    bundler: { flags: ['--module', 'esnext', '--moduleResolution', 'bundler'], files: ['sample.mts'] },
    node10: { flags: ['--module', 'esnext', '--moduleResolution', 'node10'], files: ['classic.ts'], until: 5 },
  };

  for (const version of ['5.3', '5.6', '6', '7']) {
    for (const [resolution, { flags, files, until }] of Object.entries(RESOLUTIONS)) {
      if (until === undefined || Number(version) < until + 1) {
        test(`TypeScript ${version}, ${resolution}`, async () => {
          const compiler = join(TOOLS, `typescript-${version}`, 'bin', 'tsc');
          await succeeds(folder, process.execPath, [compiler, ...STRICT, ...flags, ...files]);
        });
      }
    }
  }
});
