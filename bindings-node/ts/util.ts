/** Node's `util`, and of its `url` what paths need, in every module system. */

import type * as Url from 'node:url';
import type * as Util from 'node:util';

import { node } from './node';

export const { inspect, types } = node.esm?.util ?? (require('node:util') as typeof Util);
export const { fileURLToPath } = node.esm?.url ?? (require('node:url') as typeof Url);
