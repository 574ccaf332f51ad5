// The contenders in Node, each written as its own documentation shows. Each call has a connection of its own, unless the
// contender's name says that it is kept; each trusts the server's authority, which it loads once.
//
// `open(url)` gives a function that publishes files and resolves to the results. Libraries are imported when they are
// opened, so that a process which measures one has only that one in it.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createSecureContext } from 'node:tls';

export const ROUTE = '/v1/portal/publish_files';
const KEY = { id: 'key', secret: 'secret' };
const FIRM_ID = '1';
export const HEADERS = {
  Authorization: `Basic ${btoa(`${KEY.id}:${KEY.secret}`)}`,
  'Addepar-Firm': FIRM_ID,
  Accept: 'application/vnd.api+json',
  'Accept-Encoding': 'identity',
  'Content-Type': 'application/vnd.api+json',
};
const MODES = { portalPublishing: 'publish', contactNotification: 'do_not_notify' };
const CA_FILE = process.env.BENCH_CA_FILE;

export function payload(fileIds) {
  return {
    data: {
      type: 'publish_portal_files_request',
      attributes: { files_id: fileIds, portal_publishing: 'PUBLISH', contact_notification: 'DO_NOT_NOTIFY' },
    },
  };
}

/** Whom a client of Node's own TLS trusts: made once, where with `ca` every connection would read it again. */
function trusting() {
  return createSecureContext({ ca: readFileSync(CA_FILE) });
}

async function client(url) {
  const { PortalClient } = await import('addepar-portal');
  const key = { firmId: FIRM_ID, keyId: KEY.id, keySecret: KEY.secret };
  return new PortalClient({ baseUrl: url, ...key, caFile: CA_FILE });
}

async function addeparPortal(url) {
  const portal = await client(url);
  return (fileIds) => portal.publishFiles(fileIds, MODES);
}

/** All files in one batch, whose journal is written through to the disk twice for each request. */
async function addeparPortalWithJournal(url) {
  const portal = await client(url);
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true }));
  let number = 0;
  return (fileIds) => {
    const journal = join(folder, `${(number += 1)}.jsonl`);
    return portal.publishBatch(fileIds, { ...MODES, journal, chunkSize: 500 });
  };
}

async function undici(url, { kept = false } = {}) {
  const { Pool } = await import('undici');
  const { origin, pathname } = new URL(url);
  const options = { connect: { secureContext: trusting() } };
  const pool = new Pool(origin, kept ? options : { ...options, pipelining: 0 });
  return async (fileIds) => {
    const { statusCode, body } = await pool.request({
      path: pathname + ROUTE,
      method: 'POST',
      headers: HEADERS,
      body: JSON.stringify(payload(fileIds)),
    });
    if (statusCode !== 200) throw new Error(`answered ${statusCode}`);
    return JSON.parse(await body.text()).data;
  };
}

/** Node's own. Whom it trusts, `NODE_EXTRA_CA_CERTS` says. */
async function nodeFetch(url) {
  const headers = { ...HEADERS, Connection: 'close' };
  return async (fileIds) => {
    const body = JSON.stringify(payload(fileIds));
    const response = await fetch(url + ROUTE, { method: 'POST', headers, body });
    if (!response.ok) throw new Error(`answered ${response.status}`);
    return (await response.json()).data;
  };
}

async function axios(url) {
  const { default: library } = await import('axios');
  const httpsAgent = new Agent({ secureContext: trusting(), keepAlive: false });
  const instance = library.create({ baseURL: url, headers: HEADERS, httpsAgent });
  return async (fileIds) => (await instance.post(ROUTE, payload(fileIds))).data.data;
}

/** The floor: writes bytes that are ready, reads the answer to its end and looks at nothing. */
async function rawTls(url, { resumes = false } = {}) {
  const { hostname, port, host, pathname } = new URL(url);
  const secureContext = trusting();
  const ready = new Map();
  let session;
  return (fileIds) =>
    new Promise((resolve, reject) => {
      if (!ready.has(fileIds[0])) ready.set(fileIds[0], rawRequest(host, pathname, fileIds));
      const socket = connect({ host: hostname, port: Number(port), servername: hostname, secureContext, session });
      socket.setNoDelay();
      if (resumes) socket.once('session', (ticket) => (session = ticket));
      socket.on('data', () => {});
      socket.once('end', resolve);
      socket.once('error', reject);
      socket.write(ready.get(fileIds[0]));
    });
}

function rawRequest(host, pathname, fileIds) {
  const body = JSON.stringify(payload(fileIds));
  const headers = Object.entries({ Host: host, ...HEADERS, 'Content-Length': body.length, Connection: 'close' });
  const lines = [`POST ${pathname + ROUTE} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`)];
  return Buffer.from([...lines, '', body].join('\r\n'));
}

/** By name: `shape` is that of the results, see `looks.mjs`; `most` is how many files go into one call. */
export const CONTENDERS = {
  'raw tls': { open: rawTls, shape: 'nothing' },
  'raw tls that resumes': { open: (url) => rawTls(url, { resumes: true }), shape: 'nothing' },
  'addepar-portal': { open: addeparPortal, shape: 'report' },
  'addepar-portal, publishBatch': { open: addeparPortalWithJournal, shape: 'report', most: 1_000_000 },
  'undici + JSON.parse': { open: undici, shape: 'rows' },
  'undici + JSON.parse, kept': { open: (url) => undici(url, { kept: true }), shape: 'rows' },
  fetch: { open: nodeFetch, shape: 'rows' },
  axios: { open: axios, shape: 'rows' },
};
