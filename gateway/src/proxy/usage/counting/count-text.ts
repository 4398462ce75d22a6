/** Tokens of a text under one encoding; text that looks like a special token is counted as text. */
export type Tokenizer = (text: string) => number;

/**
 * A run of one kind of character without a break is one unit to the tokenizer, whose time grows with the square of its
 * length: 100,000 Chinese characters without punctuation take a minute. So such runs are cut here.
 */
const longestRun = 256;
const longRuns = new RegExp(
  `[\\p{L}\\p{M}]{${longestRun},}|[^\\s\\p{L}\\p{N}]{${longestRun},}|\\s{${longestRun},}`,
  'gu',
);

export interface CountedText {
  readonly tokens: number;
  /** How often a run was cut; each cut may have made a token more. 0: the count is exact. */
  readonly cuts: number;
}

export function countText(text: string, tokenizer: Tokenizer): CountedText {
  let tokens = 0;
  let cuts = 0;
  for (const piece of piecesOf(text)) {
    tokens += tokenizer(piece);
    cuts += 1;
  }
  return { tokens, cuts: Math.max(0, cuts - 1) };
}

function* piecesOf(text: string): Generator<string> {
  let from = 0;
  for (const run of text.matchAll(longRuns)) {
    const end = run.index + run[0].length;
    for (let cut = run.index + longestRun; cut < end; cut += longestRun) {
      // Never between the halves of a surrogate pair.
      const at = (text.codePointAt(cut - 1) ?? 0) > 0xffff ? cut - 1 : cut;
      yield text.slice(from, at);
      from = at;
    }
  }
  if (from < text.length) yield text.slice(from);
}
