// Every case of tests/cases through the public API of the package.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { PortalClient } from 'addepar-portal';
import { SimulatedPortal } from 'addepar-portal/testing';

const CASES = new URL('../cases/', import.meta.url);
const SECONDS = new Set(['timeout', 'connect_timeout', 'max_rate_limit_wait']);
/** The settings and arguments that messages name, where they are written in another way here. */
const NAMES = {
  access_token: 'accessToken',
  base_url: 'baseUrl',
  ca_file: 'caFile',
  connect_timeout: 'connectTimeoutMs',
  contact_notification: 'contactNotification',
  file_ids: 'fileIds',
  firm_id: 'firmId',
  firm_name: 'firmName',
  journal_dir: 'journalDir',
  key_id: 'keyId',
  key_secret: 'keySecret',
  max_rate_limit_wait: 'maxRateLimitWaitMs',
  portal_publishing: 'portalPublishing',
  publish_override_contact_ids: 'publishOverrideContactIds',
  timeout: 'timeoutMs',
};
const NOTHING_SENT = new Set(['ERR_INPUT', 'ERR_CONFIG', 'ERR_CONNECT']);

for (const file of readdirSync(CASES).filter((name) => name.endsWith('.json') && name !== 'schema.json')) {
  const { about, cases } = JSON.parse(readFileSync(new URL(file, CASES), 'utf8'));
  describe(`${file}: ${about}`, () => {
    for (const one of cases.filter(({ languages }) => languages?.includes('node') ?? true)) {
      // A slow case runs beside the others from the start.
      const running = one.slow && runCase(one).then(undefined, (error) => error);
      test(one.name, async () => (running ? assert.ifError(await running) : runCase(one)));
    }
  });
}

async function runCase({ arguments: given, client, environment = {}, portal: options = {}, expect }) {
  const named = Object.entries(options).map(([name, value]) => [camelCase(name), value]);
  const portal = await SimulatedPortal.start(Object.fromEntries(named));
  const saved = Object.fromEntries(Object.keys(environment).map((name) => [name, process.env[name]]));
  try {
    for (const [name, value] of Object.entries(environment)) {
      process.env[name] = resolve(portal, value);
    }
    const [error, report] = await publish(portal, settings(portal, client), given);
    if (expect.error) {
      assert.ok(error, `an error was expected, a report came: ${report}`);
      checkError(error, expect.error);
    } else {
      assert.ifError(error);
      assertSubset(report.toJSON(), expect.report, 'report');
      checkFiles(report);
    }
    checkPortal(portal, expect);
  } finally {
    for (const [name, value] of Object.entries(saved)) {
      if (value === undefined) {
        delete process.env[name];
      } else {
        process.env[name] = value;
      }
    }
    await portal.close();
  }
}

async function publish(portal, clientOptions, given) {
  try {
    const client = new PortalClient(clientOptions);
    const options = {
      portalPublishing: decode(given.portal_publishing ?? 'publish'),
      contactNotification: decode(given.contact_notification ?? 'do_not_notify'),
    };
    if ('publish_override_contact_ids' in given) {
      options.publishOverrideContactIds = decode(given.publish_override_contact_ids);
    }
    return [undefined, await client.publishFiles(decode(given.file_ids), options)];
  } catch (error) {
    return [error];
  }
}

/** A value of a case as JavaScript has it. */
function decode(value) {
  if (Array.isArray(value)) {
    return value.map(decode);
  }
  if (value === null || typeof value !== 'object') {
    return value;
  }
  if ('$float' in value) {
    return { nan: NaN, inf: Infinity, '-inf': -Infinity }[value.$float] ?? Number(value.$float);
  }
  if ('$integer' in value) {
    return BigInt(value.$integer);
  }
  if ('$range' in value) {
    const [first, last] = value.$range;
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  }
  return value;
}

function settings(portal, given = {}) {
  const merged = {
    base_url: portal.baseUrl,
    firm_id: '1',
    ...(!given.access_token?.tokens && { key_id: 'simulated-key', key_secret: 'simulated-secret' }),
    ...given,
  };
  const entries = Object.entries(merged).filter(([, value]) => value !== null);
  return Object.fromEntries(entries.map(([name, value]) => setting(portal, name, value)));
}

function setting(portal, name, value) {
  if (SECONDS.has(name)) {
    return [`${camelCase(name)}Ms`, decode(value) * 1000];
  }
  if (value.tokens) {
    const tokens = value.tokens.values();
    return [camelCase(name), async () => tokens.next().value];
  }
  return [camelCase(name), resolve(portal, value)];
}

/** A value, or the URL of an endpoint of the simulator. */
function resolve(portal, value) {
  if (value.endpoint === undefined) {
    return value;
  }
  const url = value.endpoint === 'portal' ? portal.baseUrl : portal.control('endpoint', { name: value.endpoint }).url;
  return url + (value.suffix ?? '');
}

function checkError(error, { message_contains: parts = [], report, ...details }) {
  assertSubset(error.toJSON?.() ?? error, details, 'error');
  assert.equal(error.code, details.code ?? error.code);
  for (const part of parts.map(inNode)) {
    assert.ok(error.message.includes(part), `${JSON.stringify(part)} is not in the message ${JSON.stringify(error.message)}`);
  }
  if (report) {
    assertSubset(error.report?.toJSON(), report, 'error.report');
    checkFiles(error.report);
  }
}

/** A part of a message as Node writes it. */
function inNode(part) {
  return part.replaceAll(/\b[a-z_]+\b/g, (word) => (Object.hasOwn(NAMES, word) ? NAMES[word] : word));
}

/** What is read file by file is what the JSON says; the lists of some files have the same objects. */
function checkFiles(report) {
  const lists = [
    [report.failed, ({ state }) => state === 'failed'],
    [report.unknown, ({ state }) => state === 'unknown'],
    [report.notProcessed, ({ state }) => state === 'not_processed'],
    [report.notPublished, ({ published }) => published === false],
    [report.notNotified, ({ notified }) => notified === false],
    [report.succeeded, ({ state }) => state === 'ok'],
  ];
  assert.deepEqual(report.files, inCamelCase(report.toJSON().files));
  for (const [list, wanted] of lists) {
    const files = report.files.filter(wanted);
    assert.ok(list.length === files.length && list.every((file, index) => file === files[index]), `${wanted}`);
  }
}

function inCamelCase(value) {
  if (Array.isArray(value)) {
    return value.map(inCamelCase);
  }
  const entries = value instanceof Object && Object.entries(value).map(([name, member]) => [camelCase(name), inCamelCase(member)]);
  return entries ? Object.fromEntries(entries) : value;
}

function camelCase(name) {
  return name.replaceAll(/_([a-z])/g, (_, letter) => letter.toUpperCase());
}

function checkPortal(portal, { posts, gets, request, error, report, outbox, published = {} }) {
  const expected = posts ?? (report ? 1 : NOTHING_SENT.has(error.code) ? 0 : undefined);
  if (expected !== undefined) {
    assert.equal(portal.control('posts'), expected, 'POSTs received');
  }
  if (gets !== undefined) {
    assert.equal(portal.requests.filter(({ method }) => method === 'GET').length, gets, 'GETs received');
  }
  if (request) {
    const { body, ...rest } = request;
    assertSubset(portal.requests[0], rest, 'request');
    if (body !== undefined) {
      assert.deepEqual(portal.requests[0].body, body);
    }
  }
  if (outbox) {
    assert.deepEqual(portal.outbox, outbox);
  }
  for (const [file, contacts] of Object.entries(published)) {
    assert.deepEqual(portal.published(Number(file)), contacts);
  }
}

/** Objects as subsets, lists element by element, scalars equal. */
function assertSubset(actual, expected, path) {
  if (Array.isArray(expected)) {
    assert.ok(Array.isArray(actual), `${path} is not a list`);
    assert.equal(actual.length, expected.length, `length of ${path}`);
    expected.forEach((value, index) => assertSubset(actual[index], value, `${path}[${index}]`));
  } else if (expected !== null && typeof expected === 'object') {
    assert.ok(actual !== null && typeof actual === 'object', `${path} is not an object`);
    for (const [name, value] of Object.entries(expected)) {
      assertSubset(actual[name], value, `${path}.${name}`);
    }
  } else {
    assert.equal(actual, expected, path);
  }
}
