import type { RandomSource } from '#kernel/random.ts';
import type { Piece, Tokenizer } from './tokenizer.ts';

/**
 * What the twin says. Characters of two, three and four bytes stand in it on purpose: a program between the twin and
 * its caller that cuts a stream inside a character is to be found out. No digits and no line breaks: each word and each
 * mark is tokenised on its own then, so that a reply cut between them still counts as many tokens as were reported.
 */
const sentences = [
  'The harbour was quiet this morning, and the café by the bridge had just opened.',
  'A short answer is often the most useful one.',
  'Most of the work is in naming things well.',
  'We looked at three options and kept the simplest.',
  'The train to Zürich leaves from the other platform.',
  'Please read the summary first and the details later.',
  'Nobody had expected the meeting to end so early.',
  'In Kyoto the word 漢字 is written on the wall of the library.',
  'There is a small fox 🦊 in the garden, and it is not afraid.',
  'The report lists every cost, with its source and its date.',
  'After the rain the whole valley smelled of pine.',
  'Two teams share the budget, and both can see it.',
  'The older version is still in use, so keep it running.',
  'He wrote the letter twice and sent neither.',
  'This part of the map has never been drawn in detail.',
  'A good default saves more time than a long manual.',
  'The señora at the counter knew every guest by name.',
  'Measure first, then change one thing, then measure again.',
  'The lamp was left on, and the door was open.',
  'Our plan is modest: fewer steps, fewer surprises.',
  'Everything in the box has a label except the box.',
  'The river turns south here and slows down.',
  'She said that the answer would be the same tomorrow.',
  'It is better to ask early than to guess for long.',
  'The bread was warm, the soup was not.',
  'Some questions become easier when they are written down.',
  'On Monday the numbers agreed, which surprised everyone 🎉 at the table.',
  'The naïve version was the fastest in the end.',
  'Keep the key in a safe place and change it often.',
  'Between the lines there was room for one more idea.',
];

/** One-token words to end a cut reply with, so that its limit is met exactly. */
const filler: Piece = { text: ' and', tokens: 1 };
const wordPattern = / ?[\p{L}\p{M}]+| ?[^\s\p{L}\p{M}\p{N}]+/gu;

export interface Said {
  readonly pieces: readonly Piece[];
  readonly tokens: number;
  /** False where the limit ended it. */
  readonly finished: boolean;
}

// Has no factor in common with the number of sentences: each is said once before one comes again.
const stride = 7;

interface Sentence {
  readonly pieces: readonly Piece[];
  readonly tokens: number;
}

/** Makes up text of a given length; the same for the same random source. */
export class Words {
  private readonly first: readonly Sentence[];
  private readonly further: readonly Sentence[];

  constructor(tokenizer: Tokenizer) {
    const split = (sentence: string): Sentence => {
      const pieces = (sentence.match(wordPattern) ?? []).map((text) => ({ text, tokens: tokenizer.count(text) }));
      return { pieces, tokens: sum(pieces) };
    };
    this.first = sentences.map(split);
    this.further = sentences.map((sentence) => split(` ${sentence}`));
  }

  /** Whole sentences of at least `wanted` tokens, but never more than `limit` tokens. */
  say(random: RandomSource, size: { readonly wanted: number; readonly limit: number }): Said {
    const pieces: Piece[] = [];
    let tokens = 0;
    let at = Math.floor(random.next() * this.first.length);
    while (tokens < size.wanted && tokens <= size.limit) {
      const sentence = (pieces.length === 0 ? this.first : this.further)[at % this.first.length];
      if (sentence === undefined) break;
      for (const piece of sentence.pieces) pieces.push(piece);
      tokens += sentence.tokens;
      at += stride;
    }
    return tokens <= size.limit ? { pieces, tokens, finished: true } : cut(pieces, size.limit);
  }
}

/** The first pieces, `limit` tokens in all; where a piece would go beyond, one-token words stand in its place. */
export function cut(pieces: readonly Piece[], limit: number): Said {
  const kept: Piece[] = [];
  let tokens = 0;
  for (const piece of pieces) {
    if (tokens + piece.tokens > limit) break;
    kept.push(piece);
    tokens += piece.tokens;
  }
  for (; tokens < limit; tokens += 1) kept.push(filler);
  return { pieces: kept, tokens, finished: false };
}

export function sum(pieces: readonly Piece[]): number {
  let tokens = 0;
  for (const piece of pieces) tokens += piece.tokens;
  return tokens;
}

export function textOf(pieces: readonly Piece[]): string {
  let text = '';
  for (const piece of pieces) text += piece.text;
  return text;
}
