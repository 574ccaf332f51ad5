// What an ES module has of Node, for the rest of the package. The entries load it first.

import { createRequire } from 'node:module';
import * as util from 'node:util';

import { node } from './node.js';

node.util = util;
// Made when it is wanted: a bundle that is CommonJS has no such address, and needs none.
node.require = (id) => createRequire(import.meta.url)(id) as unknown;
