import { conforms } from './conformance.js';
import { file } from './file.js';

conforms(file);
