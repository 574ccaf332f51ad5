// Publishes with OAuth 2.0: the refresh grant behind `accessToken`, with rotation of the refresh token.
//
//   ADDEPAR_FIRM_NAME=examplefirm ADDEPAR_FIRM_ID=1234 OAUTH_CLIENT_ID=… OAUTH_CLIENT_SECRET=… \
//     OAUTH_TOKEN_URL=https://api.addepar.com/public/oauth2/token OAUTH_REFRESH_TOKEN_FILE=refresh-token \
//     node oauth.mjs 37 38
//
// One program for each refresh token: once it is rotated, every other program has one that is spent.

import { open, readFile, rename } from 'node:fs/promises';

import { PortalClient } from 'addepar-portal';

const { OAUTH_TOKEN_URL, OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET, OAUTH_REFRESH_TOKEN_FILE: FILE } = process.env;

/** Whenever the machine stops, the file has the old token or the new one, and nobody else reads it. */
async function keep(refreshToken) {
  const draft = `${FILE}.${process.pid}`;
  const file = await open(draft, 'w', 0o600);
  try {
    await file.writeFile(refreshToken);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, FILE);
}

/**
 * Asked before the first call, and again once when the server answers 401. The call may be over before there is a token, which
 * aborts `signal`: until the request goes out, that ends it. From then on the new refresh token is in the answer, which must
 * not be lost.
 */
async function accessToken({ signal }) {
  const spent = await readFile(FILE, { encoding: 'utf8', signal });
  signal.throwIfAborted();
  const answer = await fetch(OAUTH_TOKEN_URL, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: spent,
      client_id: OAUTH_CLIENT_ID,
      client_secret: OAUTH_CLIENT_SECRET,
    }),
    signal: AbortSignal.timeout(30_000),
  });
  if (!answer.ok) {
    throw new Error(`the token server answered ${answer.status}`);
  }
  const tokens = await answer.json();
  // Before the new one is used: the old one is spent.
  await keep(tokens.refresh_token ?? spent);
  return tokens.access_token;
}

const client = new PortalClient({ accessToken });
const report = await client.publishFiles(process.argv.slice(2), {
  portalPublishing: 'publish',
  contactNotification: 'do_not_notify',
});
console.log(`${report}`);
process.exitCode = report.ok ? 0 : 1;
