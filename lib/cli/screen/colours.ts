import pc from 'picocolors';

/** The colours of a terminal, by what they say. Each function returns its text unchanged where there are no colours. */
export interface Colours {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly warn: (text: string) => string;
  /** Less important than the rest. */
  readonly dim: (text: string) => string;
  readonly strong: (text: string) => string;
}

/** Returns the colours for stdout: none if it is no terminal, or NO_COLOR is set, unless FORCE_COLOR is. */
export function coloursOf(isOn: boolean = pc.isColorSupported && process.stdout.isTTY === true): Colours {
  const { green, red, yellow, dim, bold } = pc.createColors(isOn || process.env.FORCE_COLOR !== undefined);
  return { good: green, bad: red, warn: yellow, dim, strong: bold };
}

/** Returns how many columns stdout's terminal has; 80 if it is none. */
export const columnsOf = (): number => {
  const { columns } = process.stdout;
  return columns !== undefined && columns > 0 ? columns : 80;
};
