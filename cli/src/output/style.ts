import type { Terminal } from '#context.ts';

const codes = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] } as const;
export type StyleName = keyof typeof codes;

/** Text in a colour where the terminal shows colours, else as it is. */
export function styled(terminal: Pick<Terminal, 'colour'>, style: StyleName, text: string): string {
  const [on, off] = codes[style];
  return terminal.colour ? `\u001B[${on}m${text}\u001B[${off}m` : text;
}
