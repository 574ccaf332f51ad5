// A registry on this machine alone, with the packages that it is given: the package managers install from it as they
// install from npm's.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { basename } from 'node:path';

/** Serves packages, each with its `manifest` and the path of its `tarball`; `latest` is the version that is installed. */
export async function startRegistry(packages, latest) {
  const server = createServer((request, response) => {
    const [name, , file] = decodeURIComponent(request.url.slice(1)).split('/');
    const versions = packages.filter(({ manifest }) => manifest.name === name);
    const found = versions.find(({ tarball }) => basename(tarball) === file);
    if (versions.length === 0 || (file && !found)) {
      response.writeHead(404).end('{}');
    } else if (found) {
      response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(readFileSync(found.tarball));
    } else {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(packument(name, versions)));
    }
  });
  await new Promise((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  // It keeps no process alive.
  server.unref();
  const url = `http://127.0.0.1:${server.address().port}/`;

  function packument(name, versions) {
    const entries = versions.map(({ manifest, tarball }) => [manifest.version, { ...manifest, dist: dist(name, tarball) }]);
    return { name, 'dist-tags': { latest }, versions: Object.fromEntries(entries) };
  }

  function dist(name, tarball) {
    const bytes = readFileSync(tarball);
    return {
      tarball: `${url}${name}/-/${basename(tarball)}`,
      integrity: `sha512-${createHash('sha512').update(bytes).digest('base64')}`,
      shasum: createHash('sha1').update(bytes).digest('hex'),
    };
  }

  return { url, close: () => server.close() };
}
