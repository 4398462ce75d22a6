import { hashText } from '#kernel/random.ts';
import { Recent } from '#kernel/recent.ts';

interface Encoded {
  readonly ids: Uint32Array;
  /** 32-bit hash of the text: what the reply's words are drawn from. */
  readonly hash: number;
}

/** A part of a reply that is sent in one go: whole characters, and the tokens that they are. */
export interface Piece {
  readonly text: string;
  readonly tokens: number;
}

/** The real tokenizer (o200k_base), with a bounded memory of the texts it has seen. */
export interface Tokenizer {
  encode(text: string): Encoded;
  count(text: string): number;
  /** The text in pieces whose tokens add up to `count(text)` exactly. */
  pieces(text: string): readonly Piece[];
}

// In characters plus tokens: some 64 MB at most.
const rememberedWeight = 16_000_000;
// Byte-pair merging takes time quadratic in the length of a run without spaces: longer runs are cut.
const longestRun = 4096;
const longRun = /\S{4097}/;
const asPlainText = { disallowedSpecial: new Set<string>() };

interface Codec {
  encode(text: string, options: typeof asPlainText): number[];
  decode(ids: Iterable<number>): string;
}

/** Loads the vocabulary, which takes a quarter of a second and some 100 MB: once, before the twin listens. */
export async function loadTokenizer(): Promise<Tokenizer> {
  return tokenizerOf(await import('gpt-tokenizer/encoding/o200k_base'));
}

function tokenizerOf(codec: Codec): Tokenizer {
  const seen = new Recent<string, Encoded>(rememberedWeight);
  const encodeFresh = (text: string): Uint32Array => {
    if (text.length <= longestRun || !longRun.test(text)) return Uint32Array.from(codec.encode(text, asPlainText));
    const ids: number[] = [];
    for (let at = 0; at < text.length; at += longestRun)
      for (const id of codec.encode(text.slice(at, at + longestRun), asPlainText)) ids.push(id);
    return Uint32Array.from(ids);
  };
  const encode = (text: string): Encoded => {
    const known = seen.get(text);
    if (known !== undefined) return known;
    const encoded = { ids: encodeFresh(text), hash: hashText(text) };
    seen.set(text, encoded, text.length + encoded.ids.length * 4);
    return encoded;
  };
  return {
    encode,
    count: (text) => encode(text).ids.length,
    pieces: (text) => piecesOf(text, { ids: encode(text).ids, codec }),
  };
}

/** A token may end inside a character: tokens are joined until what they say stands in the text as it is. */
function piecesOf(text: string, parts: { readonly ids: Uint32Array; readonly codec: Codec }): readonly Piece[] {
  const pieces: Piece[] = [];
  let offset = 0;
  let pending: number[] = [];
  for (const id of parts.ids) {
    pending.push(id);
    const said = parts.codec.decode(pending);
    if (said === '' || !text.startsWith(said, offset)) continue;
    pieces.push({ text: said, tokens: pending.length });
    offset += said.length;
    pending = [];
  }
  if (pending.length > 0 || offset < text.length) pieces.push({ text: text.slice(offset), tokens: pending.length });
  return pieces;
}
