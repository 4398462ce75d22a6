import type { JsonObject } from '#kernel/json.ts';

// Shapes: learn.microsoft.com, "Content filtering" (annotations, asynchronous filter) and recorded replies.
const severity = (filtered: boolean): JsonObject => ({ filtered, severity: filtered ? 'high' : 'safe' });

function categories(violence: boolean): JsonObject {
  return {
    hate: severity(false),
    self_harm: severity(false),
    sexual: severity(false),
    violence: severity(violence),
  };
}

export function promptResults(filtered: boolean): JsonObject {
  return { ...categories(filtered), jailbreak: { filtered: false, detected: false } };
}

export function completionResults(filtered: boolean): JsonObject {
  return categories(filtered);
}

export const safeCompletionJson = JSON.stringify(completionResults(false));

/** `prompt_filter_results` of a chat or text completion. */
export function promptFilterResults(prompts: number): JsonObject[] {
  return Array.from({ length: prompts }, (_, index) => ({
    prompt_index: index,
    content_filter_results: promptResults(false),
  }));
}

interface Filtered {
  readonly prompt: boolean;
  readonly completion: boolean;
}

/** `content_filters` of a response. `characters`: how long the text is that was looked at. */
export function contentFilters(filtered: Filtered, characters: number): JsonObject[] {
  const prompt = {
    blocked: filtered.prompt,
    source_type: 'prompt',
    content_filter_raw: null,
    content_filter_results: promptResults(filtered.prompt),
    content_filter_offsets: { start_offset: 0, end_offset: characters, check_offset: 0 },
  };
  if (filtered.prompt) return [prompt];
  const protectedMaterial = { filtered: false, detected: false };
  return [
    prompt,
    {
      blocked: filtered.completion,
      source_type: 'completion',
      content_filter_raw: null,
      content_filter_results: {
        ...completionResults(filtered.completion),
        protected_material_text: protectedMaterial,
        protected_material_code: protectedMaterial,
      },
      content_filter_offsets: { start_offset: 0, end_offset: characters, check_offset: 0 },
    },
  ];
}

/** A chunk of the asynchronous filter: a choice without a delta. */
export function annotationJson(at: {
  readonly index: number;
  readonly characters: number;
  readonly filtered: boolean;
  readonly finish: 'content_filter' | null;
}): string {
  return JSON.stringify({
    choices: [
      {
        content_filter_offsets: { check_offset: 0, start_offset: 0, end_offset: at.characters },
        content_filter_results: completionResults(at.filtered),
        finish_reason: at.finish,
        index: at.index,
      },
    ],
    created: 0,
    id: '',
    model: '',
    object: '',
  });
}
