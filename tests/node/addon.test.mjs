// What is declared about the addon by hand, compared with the addon; and the classes of errors with the core's table.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import * as portal from 'addepar-portal';
import { SimulatedPortal } from 'addepar-portal/testing';

import { compile, skip } from './compile.mjs';

const require = createRequire(import.meta.url);
const DIST = join(dirname(require.resolve('addepar-portal/package.json')), 'dist');
const { native } = require(join(DIST, 'native.js'));
const { errorOf } = require(join(DIST, 'failure.js'));
const KINDS = native.errorKinds();
const OF_ANY_FUNCTION = ['arguments', 'caller', 'length', 'name', 'prototype'];

/** The addon's functions and classes, the members of each class, and the properties of the objects that it makes or reads. */
function namesOfAddon() {
  const names = { 'typeof addon.native': Object.keys(native) };
  for (const name of Object.keys(native).filter((known) => /^[A-Z]/.test(known))) {
    names[`typeof addon.native.${name}`] = own(native[name], OF_ANY_FUNCTION);
    names[`addon.${name}`] = own(native[name].prototype, ['constructor']);
  }
  const request = native.Request.create(Float64Array.of(37), 'publish', 'notify', new Float64Array(), true);
  names['addon.KindOfError'] = Object.keys(KINDS[0]);
  names['addon.ClientSettings'] = read({ asksForToken: false }, (settings) => native.Client.create(settings, {}, { testFunctions: [] }));
  const client = native.Client.create({ baseUrl: 'http://127.0.0.1:1/api', firmId: '1', keyId: 'k', keySecret: 's', asksForToken: false }, {}, { testFunctions: [] });
  names['addon.Started'] = read({ testFunctions: [] }, (program) => native.Client.create({ asksForToken: false }, {}, program));
  names['addon.ReportFilter'] = read({}, (filter) => client.startReports(filter, {}));
  names['addon.BatchSettings'] = read({ journal: '' }, (settings) => client.startBatch(request, settings, {}));
  return names;
}

function own(object, others) {
  return Object.getOwnPropertyNames(object).filter((name) => !others.includes(name));
}

/** The properties that the addon looks for in an object. */
function read(required, use) {
  const names = new Set();
  use(new Proxy(required, { get: (target, name) => (names.add(name), target[name]) }));
  return [...names];
}

/** Source text: that a type has these keys and no others. The empty one is for types without any, which take all. */
function exactly(type, names, index) {
  const keys = ['', ...names].map((name) => `${JSON.stringify(name)}: true`);
  return `export const keys${index}: Record<Exclude<keyof (${type}), symbol> | '', true> = { ${keys.join(', ')} };`;
}

function compiled(lines) {
  const folder = mkdtempSync(fileURLToPath(new URL('addon-', import.meta.url)));
  const file = join(folder, 'names.mts');
  const addon = JSON.stringify(join(DIST, 'native.js').replaceAll('\\', '/'));
  writeFileSync(file, [`import type * as addon from ${addon};`, `import type * as portal from 'addepar-portal';`, ...lines].join('\n'));
  return compile(file);
}

test('the declared types name what the addon has, and nothing else', { skip }, () => {
  const names = namesOfAddon();
  assert.ok(names['addon.Failure'].includes('className') && names['addon.ClientSettings'].includes('firmName'));
  const { status, stdout } = compiled(Object.entries(names).map(([type, keys], index) => exactly(type, keys, index)));
  assert.equal(status, 0, stdout);
});

test('a name that is missing or too many is seen', { skip }, () => {
  const { 'addon.Failure': names } = namesOfAddon();
  for (const wrong of [names.slice(1), [...names, 'more']]) {
    assert.match(compiled([exactly('addon.Failure', wrong, 0)]).stdout, /error TS/);
  }
});

test('the addon reads every setting, filter and option of a batch that is not for JavaScript or the request', { skip }, () => {
  const { 'addon.ClientSettings': settings, 'addon.BatchSettings': options, 'addon.ReportFilter': filter } = namesOfAddon();
  const { status, stdout } = compiled([
    exactly(`Omit<portal.PortalClientOptions, 'logger'>`, settings.filter((name) => name !== 'asksForToken'), 0),
    exactly(`Omit<portal.BatchOptions, keyof portal.RequestOptions | 'onProgress' | 'signal' | 'dropSignal'>`, options, 1),
    exactly(`Omit<portal.GeneratedReportsOptions, 'signal'>`, filter, 2),
  ]);
  assert.equal(status, 0, stdout);
});

test('what was settled in a journal is read off the event loop', async () => {
  const simulated = await SimulatedPortal.start();
  const journal = join(mkdtempSync(join(tmpdir(), 'addepar-portal-')), 'run.jsonl');
  simulated.nextFault('status:503');
  const modes = { portalPublishing: 'publish', contactNotification: 'notify' };
  await assert.rejects(simulated.client().publishBatch([37, 38], { ...modes, journal }));
  const before = native.Journal.open(journal);
  new portal.Journal(journal).decide([37], 'published', { by: 'settle' });
  new portal.Journal(journal).decide([38], 'published', { by: 'A. Smith' });
  const reading = before.settled(Float64Array.of(37, 38));
  assert.ok(reading instanceof Promise);
  const undecided = [before, await reading].map((each) => JSON.parse(each.toJson()).undecided);
  assert.deepEqual(undecided, [[37, 38], [38]], 'what a person decided, nobody has looked at');
  rmSync(journal);
  assert.ok((await before.settled(Float64Array.of(37))) instanceof native.Failure);
  await simulated.close();
});

test('every fault of the simulated portal has its name among the types', { skip }, async () => {
  const simulated = await SimulatedPortal.start();
  let known;
  assert.throws(() => simulated.nextFault('explode'), ({ message }) => {
    known = [...message.matchAll(/`(\w+)`/g)].map(([, name]) => name).filter((name) => name !== 'explode');
    return known.length > 30;
  });
  await simulated.close();
  const names = exactly("Record<Exclude<FaultName, `status:${number}`>, true>", known, 0);
  const { status, stdout } = compiled([`import type { FaultName } from 'addepar-portal/testing';`, names]);
  assert.equal(status, 0, stdout);
});

test('every kind of error has its class, and no class is without a kind', () => {
  const classes = Object.keys(portal).filter((name) => portal[name].prototype instanceof portal.PortalError);
  assert.deepEqual(classes.toSorted(), KINDS.map(({ className }) => className).toSorted());
  for (const { code, className } of KINDS) {
    const error = errorOf({ className, toJson: () => JSON.stringify({ code, message: 'in words' }) });
    assert.equal(error.constructor, portal[className]);
    assert.deepEqual([error.name, error.code, error.message, error.outcome], [className, code, 'in words', 'unknown']);
  }
});

test('every kind of error has its code among the types', { skip }, () => {
  const codes = KINDS.map(({ code }) => code);
  const { status, stdout } = compiled([
    exactly('Record<portal.ErrorCode, true>', codes, 0),
    ...KINDS.map(({ code, className }) => `export const ${code}: portal.${className}['code'] = '${code}';`),
  ]);
  assert.equal(status, 0, stdout);
});
