// The JavaScript of the README and of the guide. Each block is executed by itself, in a folder and with a simulated portal of its
// own, and compiled as strict TypeScript. tests/python/test_docs.py says what the pages take for granted, and how a block says
// that it cannot run.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { initJournalDir } from 'addepar-portal';
import { SimulatedPortal } from 'addepar-portal/testing';

import { compile, skip } from './compile.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const GUIDE = join(ROOT, '.docs', 'pages');
const PAGES = readdirSync(GUIDE, { recursive: true }).filter((name) => name.endsWith('.md'));
const BLOCK = /(?<notRun><!-- not run: .+ -->\n)?```js\n(?<code>.*?)```/gs;

/** The journal `journals/october.jsonl` of the guide: its batch stopped at the files 101, 102 and 103. */
async function stopABatch(portal, journal) {
  const batch = portal.client().publishBatch([98, 99, 100, 101, 102, 103, 104, 105, 106], {
    portalPublishing: 'publish',
    contactNotification: 'notify',
    journal,
    chunkSize: 3,
    onProgress: ({ notProcessed }) => {
      if (notProcessed === 6) portal.nextFault('status:503');
    },
  });
  await assert.rejects(batch, { code: 'ERR_OUTCOME_UNKNOWN', undecided: [101, 102, 103] });
}

/** The report of the guide: one of its files was published before. */
const GENERATED = {
  generatedReports: [{ jobId: '7d4e1c58-9a63-4b0f-8a25-3c9d2f6b1e70', generatedPortfolios: [{ fileId: 37 }, { fileId: 38 }] }],
  showPublished: { 38: true },
};

async function run(code) {
  const portal = await SimulatedPortal.start(GENERATED);
  // Below the package's folder, so that it is found.
  const folder = mkdtempSync(join(ROOT, 'page-'));
  try {
    initJournalDir(join(folder, 'journals'));
    if (code.includes('october.jsonl') && !code.includes('publishBatch(')) {
      await stopABatch(portal, join(folder, 'journals', 'october.jsonl'));
    }
    const env = { ...process.env, ...portal.environ() };
    const program = spawn(process.execPath, ['--input-type=module', '-'], { cwd: folder, env });
    let output = '';
    for (const stream of [program.stdout, program.stderr]) stream.on('data', (data) => (output += data));
    program.stdin.end(code);
    const status = await new Promise((resolve) => program.on('close', resolve));
    assert.equal(status, 0, output);
  } finally {
    await portal.close();
    rmSync(folder, { recursive: true });
  }
}

const BLOCKS = [join(ROOT, 'README.md'), ...PAGES.map((name) => join(GUIDE, name))].flatMap((page) =>
  [...readFileSync(page, 'utf8').matchAll(BLOCK)].map(({ groups: { code, notRun } }, index) => ({
    name: `${basename(page, '.md')}-${index + 1}`,
    code,
    notRun,
  })),
);

for (const { name, code, notRun } of BLOCKS) {
  if (notRun === undefined) {
    test(`block ${name}`, () => run(code));
  }
}

test('each block is TypeScript that a strict project compiles', { skip }, () => {
  const folder = mkdtempSync(join(ROOT, 'page-'));
  try {
    const files = BLOCKS.map(({ name, code }) => {
      const file = join(folder, `${name}.mts`);
      // A module, even if nothing is imported.
      writeFileSync(file, `${code}\nexport {};\n`);
      return file;
    });
    const { status, stdout } = compile(...files);
    assert.equal(status, 0, stdout);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** The last lines of a container's script, on a page, with a folder in the place of the volume. */
function lastLines(volume) {
  const page = readFileSync(join(GUIDE, 'guide', 'stopping.md'), 'utf8');
  const [, code] = /<!-- not run: .* a container's script -->\n```sh\n(.*?)```/s.exec(page);
  return code.replaceAll('/journals', volume);
}

test("a container's script sends nothing twice, whatever became of its volume", { skip: process.platform === 'win32' && 'there is no sh' }, async () => {
  const portal = await SimulatedPortal.start();
  const folder = mkdtempSync(join(ROOT, 'page-'));
  const [volume, away] = [join(folder, 'volume'), join(folder, 'away')];
  try {
    initJournalDir(volume);
    writeFileSync(join(folder, 'files.csv'), 'file_id\n37\n38\n');
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    const container = async () => {
      const env = { ...process.env, ...portal.environ() };
      const script = spawn('sh', ['-c', lastLines(volume)], { cwd: folder, env, timeout: 60_000, stdio: 'ignore' });
      return await new Promise((resolve) => script.on('close', resolve));
    };
    for (let time = 1; time <= 2; time += 1) assert.equal(await container(), 0);
    rmSync(join(volume, 'october.jsonl'));
    assert.equal(await container(), 2);
    renameSync(volume, away);
    for (const mount of [() => {}, () => mkdirSync(volume)]) {
      mount();
      assert.equal(await container(), 2);
    }
    assert.equal(portal.control('posts'), 1);
  } finally {
    await portal.close();
    rmSync(folder, { recursive: true });
  }
});
