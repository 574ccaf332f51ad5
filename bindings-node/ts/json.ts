/** `JSON` as it was when this package was loaded: whatever a program does to it later, an outcome can be read. */

export const { parse, stringify } = JSON;
