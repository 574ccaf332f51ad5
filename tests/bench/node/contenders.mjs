// The contenders in Node, each written as its own documentation shows, with a connection that is kept.
//
// `open(url)` gives a function that publishes files and resolves to the results. Libraries are imported
// when they are opened, so that a process which measures one has only that one in it.

import { once } from 'node:events';
import { connect } from 'node:net';

export const ROUTE = '/v1/portal/publish_files';
const KEY = { id: 'key', secret: 'secret' };
const FIRM_ID = '1';
const HEADERS = {
  Authorization: `Basic ${btoa(`${KEY.id}:${KEY.secret}`)}`,
  'Addepar-Firm': FIRM_ID,
  Accept: 'application/vnd.api+json',
  'Accept-Encoding': 'identity',
  'Content-Type': 'application/vnd.api+json',
};

function payload(fileIds) {
  return {
    data: {
      type: 'publish_portal_files_request',
      attributes: { files_id: fileIds, portal_publishing: 'PUBLISH', contact_notification: 'NOTIFY' },
    },
  };
}

async function addeparPortal(url) {
  const { PortalClient } = await import('addepar-portal');
  const client = new PortalClient({ baseUrl: url, firmId: FIRM_ID, keyId: KEY.id, keySecret: KEY.secret });
  return (fileIds) => client.publishFiles(fileIds, { portalPublishing: 'publish', contactNotification: 'notify' });
}

async function undici(url) {
  const { Pool } = await import('undici');
  const { origin, pathname } = new URL(url);
  const pool = new Pool(origin);
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

async function fetchAndZod(url) {
  const { z } = await import('zod');
  const FileError = z.object({ code: z.string(), title: z.string(), detail: z.string() });
  const Attributes = z.object({
    file_id: z.number(),
    publish_status: z.string(),
    notify_status: z.string(),
    error: z.array(FileError).optional(),
  });
  const Answer = z.object({ data: z.array(z.object({ attributes: Attributes })) });
  return async (fileIds) => {
    const response = await fetch(url + ROUTE, {
      method: 'POST',
      headers: HEADERS,
      body: JSON.stringify(payload(fileIds)),
    });
    if (!response.ok) throw new Error(`answered ${response.status}`);
    return Answer.parse(await response.json()).data;
  };
}

async function axios(url) {
  const { default: library } = await import('axios');
  const client = library.create({ baseURL: url, headers: HEADERS });
  return async (fileIds) => (await client.post(ROUTE, payload(fileIds))).data.data;
}

/** The floor: writes bytes that are ready and reads the answer to its end. */
async function rawSocket(url) {
  const { hostname, port, host, pathname } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  let left = 0;
  let finish;
  socket.on('data', (chunk) => {
    if (left === Infinity) left = answerLength(chunk);
    left -= chunk.length;
    if (left === 0) finish();
  });
  const exchange = (request, length) =>
    new Promise((resolve) => {
      left = length;
      finish = resolve;
      socket.write(request);
    });
  const ready = new Map();
  return async (fileIds) => {
    const known = fileIds[0];
    let request = ready.get(known);
    if (!request) {
      const body = JSON.stringify(payload(fileIds));
      const headers = Object.entries({ Host: host, ...HEADERS, 'Content-Length': body.length });
      const lines = [`POST ${pathname + ROUTE} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`)];
      request = Buffer.from([...lines, '', body].join('\r\n'));
      ready.set(known, request);
    }
    await exchange(request, Infinity);
  };
}

/** The length of an answer, by its head. */
function answerLength(start) {
  const end = start.indexOf('\r\n\r\n') + 4;
  const [, length] = /Content-Length: (\d+)/.exec(start.toString('latin1', 0, end));
  return end + Number(length);
}

/** By name; `shape` is that of the results, see `looks.mjs`. */
export const CONTENDERS = {
  'raw socket': { open: rawSocket, shape: 'none' },
  'addepar-portal': { open: addeparPortal, shape: 'report' },
  'undici + JSON.parse': { open: undici, shape: 'rows' },
  'fetch + zod': { open: fetchAndZod, shape: 'rows' },
  axios: { open: axios, shape: 'rows' },
};
