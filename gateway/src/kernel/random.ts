/** Chance, injected so that tests can fix it. */
export interface RandomSource {
  /** A number in [0, 1). */
  next(): number;
}

export const systemRandom: RandomSource = { next: () => Math.random() };
