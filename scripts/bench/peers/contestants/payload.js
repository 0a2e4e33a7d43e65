export { payload } from '../../children/common.js';

/** Which job a payload belongs to. @param {{ order: number }} payload */
export const numberOf = ({ order }) => order - 100_000_000;
