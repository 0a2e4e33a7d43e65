import type { TypeRule } from './rule.js';

/** No job starts while the disk has fewer free bytes than the option `minFree` asks for. */
export const minFree: TypeRule = {
  name: 'min-free',
  open: ({ worker: { room } }) => {
    const isShort = room.isShort();
    return () => !isShort;
  },
};
