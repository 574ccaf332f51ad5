/** Node's `util`, in every module system. */

import type * as Util from 'node:util';

import { node } from './node';

export const { inspect, types } = node.esm?.util ?? (require('node:util') as typeof Util);
