export { SimulatedPortal } from './testing.js';
export type * from './testing.js';
