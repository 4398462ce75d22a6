/** Chance that is the same for the same seed: everything the twin makes up comes from here. */
export interface RandomSource {
  /** A number in [0, 1). */
  next(): number;
}

/** 32-bit FNV-1a over the text's UTF-16 units (isthe.com/chongo/tech/comp/fnv); `start` chains several texts. */
export function hashText(text: string, start = 0x811c9dc5): number {
  let hash = start;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/** Mixes two 32-bit numbers into one (the finaliser of MurmurHash3), so that near-by seeds give unlike streams. */
export function mix(left: number, right: number): number {
  let hash = (left ^ Math.imul(right + 0x9e3779b9, 0x85ebca6b)) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The mulberry32 generator: small state, good enough for made-up text. */
export function seededRandom(seed: number): RandomSource {
  let state = seed >>> 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0;
      let value = Math.imul(state ^ (state >>> 15), state | 1);
      value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
      return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
    },
  };
}

/** A whole number in [least, most]. */
export function wholeBetween(random: RandomSource, least: number, most: number): number {
  return least + Math.floor(random.next() * (most - least + 1));
}

export function pick<Item>(random: RandomSource, items: readonly Item[]): Item | undefined {
  return items[Math.floor(random.next() * items.length)];
}
