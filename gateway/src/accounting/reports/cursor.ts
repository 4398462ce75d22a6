import { parseJson, type Json } from '#kernel/json.ts';

/** A place to go on from, as a text that nobody has to understand. */
export function encodeCursor(values: readonly (string | number | null)[]): string {
  return Buffer.from(JSON.stringify(values)).toString('base64url');
}

/** What `encodeCursor` was given; undefined for any other text. */
export function decodeCursor(text: string): readonly Json[] | undefined {
  if (!/^[\w-]{1,8192}$/.test(text)) return undefined;
  const value = parseJson(Buffer.from(text, 'base64url').toString());
  return Array.isArray(value) ? value : undefined;
}
