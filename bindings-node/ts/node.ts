/**
 * What this package needs of Node, in every module system. In a bundle that is an ES module there is no `require`: the
 * entries for ES modules bring here what takes its place.
 */

import type * as Util from 'node:util';

export const node: {
  util?: typeof Util;
  /** Finds a package or a file as the program's own module finds it. */
  require?: (id: string) => unknown;
} = {};
