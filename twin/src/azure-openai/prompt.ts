import type { Tokenizer } from '#generation/tokenizer.ts';
import { mix } from '#kernel/random.ts';
import { Recent } from '#kernel/recent.ts';
import type { Segment } from './ask.ts';

export interface CountedPrompt {
  readonly tokens: number;
  /** 32-bit hash of all that it says. */
  readonly hash: number;
}

export function countPrompt(prompt: readonly Segment[], tokenizer: Tokenizer): CountedPrompt {
  let tokens = 0;
  let hash = 0x811c9dc5;
  for (const segment of prompt) {
    if ('text' in segment) {
      const encoded = tokenizer.encode(segment.text);
      tokens += encoded.ids.length;
      hash = mix(hash, encoded.hash);
    } else if ('ids' in segment) {
      tokens += segment.ids.length;
      for (const id of segment.ids) hash = mix(hash, id);
    } else {
      tokens += segment.hidden;
      hash = mix(hash, segment.hidden);
    }
  }
  return { tokens, hash };
}

const rememberedBlocks = 100_000;
const blockTokens = 128;
// Marks a token of the service's own framing, apart from all ids of the vocabulary.
const hiddenId = 0xfffffff0;

/**
 * The prompt cache of one deployment, as the prompt caching guide describes it: prompts of at least `minimum` tokens,
 * the longest beginning that came before, in steps of 128 tokens (smaller where the minimum is set below that).
 * Each block is known by the hash of everything up to its end.
 */
export class PromptCache {
  private readonly blocks = new Recent<number, true>(rememberedBlocks);
  private readonly minimum: number;
  private readonly step: number;

  constructor(minimum: number) {
    this.minimum = minimum;
    this.step = Math.min(blockTokens, minimum);
  }

  /** Tokens that are read from the cache; the prompt is remembered from here on. */
  use(prompt: readonly Segment[], context: { readonly tokens: number; readonly tokenizer: Tokenizer }): number {
    if (context.tokens < this.minimum) return 0;
    let known = 0;
    let reading = true;
    this.eachBlock(prompt, context.tokenizer, (block, end) => {
      reading = reading && this.blocks.get(block) === true;
      if (reading) known = end;
      else this.blocks.set(block, true);
    });
    return known >= this.minimum ? known : 0;
  }

  clear(): void {
    this.blocks.clear();
  }

  private eachBlock(
    prompt: readonly Segment[],
    tokenizer: Tokenizer,
    visit: (block: number, end: number) => void,
  ): void {
    let at = 0;
    let left = 0x811c9dc5;
    let right = 0x9e3779b9;
    const take = (id: number): void => {
      left = Math.imul(left ^ id, 0x01000193);
      right = Math.imul(right ^ id, 0x85ebca6b) ^ (right >>> 13);
      at += 1;
      if (at % this.step === 0) visit((left >>> 0) * 0x100000 + (right & 0xfffff), at);
    };
    for (const segment of prompt) {
      if ('hidden' in segment) for (let count = 0; count < segment.hidden; count += 1) take(hiddenId);
      else for (const id of 'ids' in segment ? segment.ids : tokenizer.encode(segment.text).ids) take(id);
    }
  }
}
