import { countAt, objectAt, parseJsonObject, textAt, type JsonObject } from '#kernel/json.ts';
import type { StreamPart } from '#wire/stream-part.ts';

interface RecordedUsage {
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
}

/** A recorded reply: whole, or as events. */
export interface Recording {
  readonly name: string;
  readonly status: number;
  /** Undefined for a stream. */
  readonly body: string | undefined;
  readonly parts: readonly StreamPart[];
  /** What the recording itself says was used; zeros where it says nothing. */
  readonly usage: RecordedUsage;
}

const noUsage: RecordedUsage = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0 };

/** Reads a file by its ending: `.json` a reply, `.chunks.txt` one event's data a line, `.sse` a stream as it was sent. */
export function readRecording(name: string, text: string): Recording {
  if (name.endsWith('.json')) return replyOf(name, text);
  const parts = name.endsWith('.sse') ? rawParts(text) : lineParts(text);
  const objects = parts.map((part) => parseJsonObject(part.data)).filter((body) => body !== undefined);
  const usage = objects.reduce(usageIn, noUsage);
  return { name, status: 200, body: undefined, parts, usage };
}

function replyOf(name: string, text: string): Recording {
  const body = parseJsonObject(text);
  const error = objectAt(body, 'error');
  const status = error === undefined ? 200 : statusOf(error);
  return { name, status, body: text, parts: [], usage: body === undefined ? noUsage : usageIn(noUsage, body) };
}

const statusByType: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  permission_error: 403,
  not_found_error: 404,
  insufficient_quota: 429,
  rate_limit_error: 429,
  tokens: 429,
  requests: 429,
  server_error: 500,
  overloaded_error: 529,
};

/** Recordings hold no HTTP status: the error's own number, else the one that goes with its kind. */
function statusOf(error: JsonObject): number {
  const given = countAt(error, 'status') ?? Number(textAt(error, 'code') ?? Number.NaN);
  if (given >= 400 && given <= 599) return given;
  return statusByType[textAt(error, 'type') ?? ''] ?? 500;
}

/** Dialects whose events have a type name it; the others end with `[DONE]`. */
function lineParts(text: string): StreamPart[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const parts = lines.map((data) => {
    const type = textAt(parseJsonObject(data), 'type');
    return { data, tokens: 0, reasoning: 0, ...(type === undefined ? {} : { event: type }) };
  });
  return parts.some((part) => 'event' in part) ? parts : [...parts, { data: '[DONE]', tokens: 0, reasoning: 0 }];
}

function rawParts(text: string): StreamPart[] {
  return text.split(/(?<=\n\r?\n)/).map((raw) => ({
    raw,
    data: /^data: ?(.*?)\r?$/m.exec(raw)?.[1] ?? '',
    tokens: 0,
    reasoning: 0,
  }));
}

/** The last usage that is reported counts; a part that names fewer figures leaves the others as they were. */
function usageIn(before: RecordedUsage, body: JsonObject): RecordedUsage {
  const usage =
    objectAt(body, 'usage') ??
    objectAt(objectAt(body, 'response'), 'usage') ??
    objectAt(objectAt(body, 'message'), 'usage');
  if (usage === undefined) return before;
  const input = objectAt(usage, 'prompt_tokens_details') ?? objectAt(usage, 'input_tokens_details');
  const output = objectAt(usage, 'completion_tokens_details') ?? objectAt(usage, 'output_tokens_details');
  return {
    inputTokens: firstCount(usage, ['prompt_tokens', 'input_tokens']) ?? before.inputTokens,
    cachedInputTokens: countAt(input, 'cached_tokens') ?? before.cachedInputTokens,
    outputTokens: firstCount(usage, ['completion_tokens', 'output_tokens']) ?? before.outputTokens,
    reasoningTokens: countAt(output, 'reasoning_tokens') ?? before.reasoningTokens,
  };
}

function firstCount(usage: JsonObject, names: readonly string[]): number | undefined {
  return names.map((name) => countAt(usage, name)).find((count) => count !== undefined);
}
