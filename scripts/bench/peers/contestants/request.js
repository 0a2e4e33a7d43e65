export { report, request } from '../../children/common.js';
