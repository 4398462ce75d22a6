import { withPlainNames } from './plain-names.ts';

/** Any JSON value, before somebody has looked at its shape. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [member: string]: Json | undefined;
}

/** Parses JSON; undefined where it is none. For text from outside: never throws, never says what the text was. */
export function parseJson(text: string): Json | undefined {
  try {
    const value: Json = JSON.parse(withPlainNames(text));
    return value;
  } catch {
    return undefined;
  }
}

/** Where text stops being JSON, from 1; undefined where it is JSON. */
export function jsonFault(text: string): { readonly line: number; readonly column: number } | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (thrown) {
    const [, at] = /position (\d+)/.exec(thrown instanceof Error ? thrown.message : '') ?? [];
    // Without a position the text ended too early.
    const before = text.slice(0, at === undefined ? text.length : Number(at)).split('\n');
    return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isJsonArray(value: unknown): value is readonly Json[] {
  return Array.isArray(value);
}

/** Parses a JSON object; undefined where it is malformed or something else. */
export function parseJsonObject(text: string): JsonObject | undefined {
  const value = parseJson(text);
  return isJsonObject(value) ? value : undefined;
}

/** Every object in a value, at whatever depth. Without recursion: what a client sends may nest deeper than the stack goes. */
export function* objectsIn(value: Json | undefined): Generator<JsonObject> {
  const left = [value];
  while (left.length > 0) {
    const one = left.pop();
    if (Array.isArray(one)) for (const inner of one) left.push(inner);
    else if (isJsonObject(one)) {
      yield one;
      for (const inner of Object.values(one)) left.push(inner);
    }
  }
}
