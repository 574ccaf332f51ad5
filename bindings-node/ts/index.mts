// One implementation for both module systems: an error is an instance of its class in either.
export * from './index.js';
