#!/usr/bin/env node
/** The program `addepar-portal`, which is the core's. */

import { native } from './native';

process.exitCode = native.runCli(['addepar-portal', ...process.argv.slice(2)]);
