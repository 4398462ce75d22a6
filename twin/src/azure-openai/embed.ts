import { Recent } from '#kernel/recent.ts';
import { hashText, seededRandom } from '#kernel/random.ts';
import { isJsonArray, type JsonObject } from '#kernel/json.ts';
import { optionalCount } from './read-parts.ts';
import { readInputs, type Input } from './read-completions.ts';
import { invalid } from './refusal.ts';
import type { Segment } from './ask.ts';
import type { Framing } from './framing.ts';

export interface EmbeddingAsk {
  readonly inputs: readonly Input[];
  readonly prompts: readonly (readonly Segment[])[];
  readonly dimensions: number;
  readonly base64: boolean;
}

const mostInputs = 2048;

/** The body of an embeddings call. Throws a `Refusal` (400) where the service would. */
export function readEmbeddings(
  body: JsonObject,
  context: { readonly framing: Framing; readonly model: string },
): EmbeddingAsk {
  const given = body['input'];
  if (given === undefined || given === null || given === '' || (isJsonArray(given) && given.includes('')))
    throw invalid("'input' is missing or holds an empty string.", { param: 'input' });
  const inputs = readInputs(given, 'input');
  if (inputs.length > mostInputs) throw invalid(`'input' may hold at most ${mostInputs} items.`, { param: 'input' });
  const format = body['encoding_format'] ?? 'float';
  if (format !== 'float' && format !== 'base64')
    throw invalid("'encoding_format' is 'float' or 'base64'.", { param: 'encoding_format' });
  return {
    inputs,
    prompts: inputs.map((input) => [{ hidden: context.framing.perInput }, input]),
    dimensions: dimensionsOf(body, context.model),
    base64: format === 'base64',
  };
}

function dimensionsOf(body: JsonObject, model: string): number {
  const full = model.includes('large') ? 3072 : 1536;
  const asked = optionalCount(body, 'dimensions');
  if (asked === undefined) return full;
  if (model.includes('ada'))
    throw invalid('This model does not support specifying dimensions.', { param: 'dimensions' });
  if (asked > full) throw invalid(`'dimensions' may be at most ${full}.`, { param: 'dimensions' });
  return asked;
}

const placesPerWord = 8;

/**
 * Vectors made of words: each word pulls at a few places of its own, so that texts with words in common lie near each
 * other and a search over them finds something sensible. Length 1, the same for the same text.
 */
export class Embedder {
  // Some 1,500 vectors of 1,536 numbers.
  private readonly seen = new Recent<string, Float32Array>(2_400_000);

  vector(input: Input, dimensions: number): Float32Array {
    const words = 'text' in input ? wordsOf(input.text) : input.ids.map(String);
    const key = `${dimensions}:${words.join(' ')}`;
    const known = this.seen.get(key);
    if (known !== undefined) return known;
    const vector = vectorOf(words, dimensions);
    this.seen.set(key, vector, dimensions + key.length);
    return vector;
  }
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [text];
}

function vectorOf(words: readonly string[], dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions);
  for (const word of words) {
    const random = seededRandom(hashText(word));
    for (let place = 0; place < placesPerWord; place += 1) {
      const at = Math.floor(random.next() * dimensions);
      vector[at] = (vector[at] ?? 0) + (random.next() < 0.5 ? -1 : 1);
    }
  }
  // A little of everything, so that no vector is zero.
  const noise = seededRandom(hashText(words.join(' ')));
  let square = 0;
  for (let at = 0; at < dimensions; at += 1) {
    const value = (vector[at] ?? 0) + (noise.next() - 0.5) * 0.02;
    vector[at] = value;
    square += value * value;
  }
  const length = Math.sqrt(square);
  return vector.map((value) => value / length);
}

/** Little-endian 32-bit floats in base64, or a list of numbers. */
export function encodeVector(vector: Float32Array, base64: boolean): string | number[] {
  return base64
    ? Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64')
    : Array.from(vector);
}
