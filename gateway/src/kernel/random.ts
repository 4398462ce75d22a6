/** Chance, injected so that tests can fix it. */
export interface RandomSource {
  /** A number in [0, 1). */
  next(): number;
}

export const systemRandom: RandomSource = { next: () => Math.random() };

/** A pause that is up to a tenth shorter or longer: those who were started together do not all come at the same moment. */
export const spread = (ms: number, random: RandomSource): number => ms * (0.9 + 0.2 * random.next());

/** The same numbers for the same seed: Weyl sequence and a mixer, for simulations and tests, never for secrets. */
export function seededRandom(seed: number): RandomSource {
  let state = seed >>> 0;
  return {
    next() {
      state = (state + 0x9e_37_79_b9) >>> 0;
      let value = Math.imul(state ^ (state >>> 16), 0x21_f0_aa_ad);
      value = Math.imul(value ^ (value >>> 15), 0x73_5a_2d_97);
      return ((value ^ (value >>> 15)) >>> 0) / 2 ** 32;
    },
  };
}
