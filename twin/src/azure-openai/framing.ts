import { mix } from '#kernel/random.ts';

/**
 * The tokens that the service adds around what it is sent. Nobody outside knows them: they are drawn from the seed, so
 * that a program which reports the twin's counts can have them from its replies only.
 */
export interface Framing {
  readonly perMessage: number;
  readonly perRequest: number;
  readonly perTool: number;
  /** Per prompt of a completion, and per input of an embedding. */
  readonly perInput: number;
  /** Output tokens around a tool call. */
  readonly perCall: number;
}

export function framingOf(seed: number): Framing {
  const draw = (kind: number, most: number): number => 1 + (mix(mix(seed, 0x7077), kind) % most);
  return {
    perMessage: 2 + draw(1, 5),
    perRequest: 2 + draw(2, 17),
    perTool: 4 + draw(3, 7),
    perInput: draw(4, 3),
    perCall: 4 + draw(5, 9),
  };
}
