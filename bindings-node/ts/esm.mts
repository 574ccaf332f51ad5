// What an ES module has of Node, for the rest of the package. The entries load it first. It is not called as the file
// that it fills: some bundlers look for `.mjs` where a CommonJS file asks for one without an ending.

import * as fs from 'node:fs';
import * as module from 'node:module';
import * as url from 'node:url';
import * as util from 'node:util';

import { node } from './node.js';

node.esm = { fs, module, url, util, address: () => import.meta.url };
