/** Any JSON value, before somebody has looked at its shape. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [member: string]: Json | undefined;
}

/** Parses JSON; undefined where it is none. Never throws. */
export function parseJson(text: string): Json | undefined {
  try {
    const value: Json = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isJsonArray(value: unknown): value is readonly Json[] {
  return Array.isArray(value);
}

export function parseJsonObject(text: string): JsonObject | undefined {
  const value = parseJson(text);
  return isJsonObject(value) ? value : undefined;
}

/** The member as an object, array or text; undefined where it is missing or something else. */
export function objectAt(value: JsonObject | undefined, name: string): JsonObject | undefined {
  const member = value?.[name];
  return isJsonObject(member) ? member : undefined;
}

export function arrayAt(value: JsonObject | undefined, name: string): readonly Json[] | undefined {
  const member = value?.[name];
  return isJsonArray(member) ? member : undefined;
}

export function textAt(value: JsonObject | undefined, name: string): string | undefined {
  const member = value?.[name];
  return typeof member === 'string' ? member : undefined;
}

/** A non-negative whole number; undefined where it is missing or something else. */
export function countAt(value: JsonObject | undefined, name: string): number | undefined {
  const member = value?.[name];
  return typeof member === 'number' && Number.isSafeInteger(member) && member >= 0 ? member : undefined;
}
