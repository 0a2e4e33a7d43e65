// Loaded before a program: says on descriptor 3, at its end, what the process took.
const { writeSync } = require('node:fs');
const { usage } = require('./usage.cjs');

process.on('exit', () => writeSync(3, JSON.stringify(usage())));
