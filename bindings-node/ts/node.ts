/**
 * What this package needs of Node, in every module system. In a bundle that is an ES module there is no `require`: the
 * entries for ES modules bring here what takes its place.
 */

import type * as Fs from 'node:fs';
import type * as Module from 'node:module';
import type * as Url from 'node:url';
import type * as Util from 'node:util';

export const node: {
  esm?: {
    readonly fs: typeof Fs;
    readonly module: typeof Module;
    readonly url: typeof Url;
    readonly util: typeof Util;
    /** Where the module is. Nothing in a bundle that is CommonJS, which needs none. */
    readonly address: () => string;
  };
} = {};
