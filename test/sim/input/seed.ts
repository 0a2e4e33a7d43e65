/** Of the short forms, so that they say the same each time; the long ones (scripts/nightly/fuzz.ts) take a new one each. */
export const SEED = 1;
