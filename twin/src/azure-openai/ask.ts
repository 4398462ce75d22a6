import type { JsonObject } from '#kernel/json.ts';

export type GeneratingOperation = 'chat.completions' | 'completions' | 'responses';
/** What may be done with files and with batches. */
type BatchOperation =
  | 'files.create'
  | 'files.list'
  | 'files.retrieve'
  | 'files.delete'
  | 'files.content'
  | 'batches.create'
  | 'batches.list'
  | 'batches.retrieve'
  | 'batches.cancel';
/** What may be done with a response that is stored, with conversations, files and batches. */
export type StoredOperation =
  | BatchOperation
  | 'responses.retrieve'
  | 'responses.delete'
  | 'responses.cancel'
  | 'responses.input_items'
  | 'conversations.create'
  | 'conversations.retrieve'
  | 'conversations.update'
  | 'conversations.delete'
  | 'conversations.items.create'
  | 'conversations.items.list'
  | 'conversations.items.retrieve'
  | 'conversations.items.delete';
export type Operation = GeneratingOperation | 'embeddings' | 'models.list' | 'models.retrieve' | StoredOperation;

/** A part of a prompt: text to be tokenised, tokens as they are, or tokens that the service adds without saying so. */
export type Segment = { readonly text: string } | { readonly ids: readonly number[] } | { readonly hidden: number };

export interface FunctionTool {
  readonly name: string;
  readonly parameters: JsonObject;
}

/** `named`: this function and no other. */
export type ToolChoice = 'none' | 'auto' | 'required' | { readonly named: string };

export type ReplyFormat =
  | { readonly kind: 'text' }
  | { readonly kind: 'json'; readonly schema: JsonObject | undefined };

/** What a call asks the model for, whichever operation it came by. */
export interface Ask {
  readonly operation: GeneratingOperation;
  readonly stream: boolean;
  /** One, but for `completions`, which may bring several. */
  readonly prompts: readonly (readonly Segment[])[];
  /** The last thing that the user said: where marker words are looked for. Empty after a tool's result. */
  readonly lastUserText: string;
  /** Choices generated per prompt (all are charged), and how many of them are shown. */
  readonly generated: number;
  readonly shown: number;
  /** In tokens, reasoning included; undefined: no limit. */
  readonly outputLimit: number | undefined;
  readonly stops: readonly string[];
  readonly tools: readonly FunctionTool[];
  readonly toolChoice: ToolChoice;
  readonly format: ReplyFormat;
  readonly effort: string | undefined;
  readonly includeUsage: boolean;
  readonly includeObfuscation: boolean;
  readonly serviceTier: string;
  /** The body as it came, for what is echoed in the reply. */
  readonly body: JsonObject;
}

/** Marker words: what a prompt may ask of the twin itself. */
export interface Markers {
  readonly filterPrompt: boolean;
  readonly filterCompletion: boolean;
  /** `one`: the first tool; `all`: each tool once. */
  readonly callTools: 'none' | 'one' | 'all';
  readonly refuse: boolean;
  /** Length of the reply, in tokens. */
  readonly tokens: number | undefined;
  /** The reply itself. */
  readonly say: string | undefined;
}

const toolMarkers: Readonly<Record<string, Markers['callTools']>> = { 'twin:tool': 'one', 'twin:tools': 'all' };

const noMarkers: Markers = {
  filterPrompt: false,
  filterCompletion: false,
  callTools: 'none',
  refuse: false,
  tokens: undefined,
  say: undefined,
};

export function markersOf(text: string): Markers {
  if (!text.includes('twin:')) return noMarkers;
  const tokens = /twin:tokens=(\d{1,7})/.exec(text)?.[1];
  const tool = /twin:tools?\b/.exec(text)?.[0];
  return {
    filterPrompt: text.includes('twin:filter-prompt'),
    filterCompletion: text.includes('twin:filter-completion'),
    callTools: toolMarkers[tool ?? ''] ?? 'none',
    refuse: text.includes('twin:refuse'),
    tokens: tokens === undefined ? undefined : Number(tokens),
    say: /twin:say=([\s\S]+)/.exec(text)?.[1],
  };
}
