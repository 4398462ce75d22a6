/** What is published about a model of Azure OpenAI; `gateway/data/models.json` holds them all. */
export interface ModelFacts {
  /** Exactly as Azure names it; no wildcards. */
  readonly name: string;
  readonly versions: readonly ModelVersion[];
  /** The tokenizer family, for counting what the provider did not report; null where none is published. */
  readonly tokenizer: 'o200k_base' | 'cl100k_base' | null;
  /** Input and output together, tokens; null where it is not published. */
  readonly contextWindow: number | null;
  readonly maxInput: number | null;
  /** Null for models that generate nothing (embeddings). */
  readonly maxOutput: number | null;
  readonly capabilities: readonly ModelCapability[];
  /** What an ordinary call is charged by, where the capabilities do not say it: `seconds`, `image:standard/1024x1024`. */
  readonly meters?: readonly string[] | undefined;
}

type ModelCapability =
  | 'chat.completions'
  | 'completions'
  | 'embeddings'
  | 'responses'
  | 'reasoning'
  | 'vision'
  | 'tools'
  | 'prompt-caching'
  | 'audio.transcriptions'
  | 'audio.speech'
  | 'images.generations'
  | 'realtime'
  | 'video';

interface ModelVersion {
  readonly version: string;
  /** The day of the published schedule, `2027-03-18`; null where none is published. */
  readonly retirement: string | null;
}

export type ModelCatalogue = ReadonlyMap<string, ModelFacts>;

/**
 * The meters that an ordinary call to a model runs on: what must have a price before calls to it are allowed. A model
 * that is not in the catalogue is taken for one that generates text.
 */
export function ordinaryMeters(catalogue: ModelCatalogue, model: string): readonly string[] {
  const { capabilities = [], meters } = catalogue.get(model) ?? {};
  if (meters !== undefined) return meters;
  if (capabilities.includes('embeddings')) return ['input'];
  return capabilities.includes('prompt-caching') ? ['input', 'cachedInput', 'output'] : ['input', 'output'];
}
