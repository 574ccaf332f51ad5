// oxlint-disable-next-line import/no-unassigned-import -- it brings what the rest needs of Node
import './esm.mjs';

export { SimulatedPortal } from './testing.js';
export type * from './testing.js';
