import type { Clock } from '#kernel/clock.ts';

/** The status of what Microsoft's libraries throw; undefined where no answer came. */
export function statusOf(error: unknown): number | undefined {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' ? status : undefined;
}

/** The text of the answer, as far as the library keeps it. */
export function bodyOf(error: unknown): string {
  const response: unknown = error instanceof Error && 'response' in error ? error.response : undefined;
  const body: unknown =
    typeof response === 'object' && response !== null && 'bodyAsText' in response ? response.bodyAsText : '';
  return typeof body === 'string' ? body : '';
}

/** Why no answer came. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no reason given';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}

/** How long the service asks to be left alone: `retry-after-ms`, `Retry-After` in seconds or as a date; else 0. */
export function waitOf(error: unknown, clock: Clock): number {
  const headers = headersOf(error);
  const ms = Number(headers?.get('retry-after-ms'));
  if (ms > 0) return ms;
  const after = headers?.get('retry-after') ?? '';
  if (/^\d+$/.test(after)) return Number(after) * 1000;
  const at = Date.parse(after);
  return Number.isNaN(at) ? 0 : Math.max(0, at - clock.now());
}

interface Headers {
  get(name: string): string | undefined;
}

function headersOf(error: unknown): Headers | undefined {
  const response: unknown = error instanceof Error && 'response' in error ? error.response : undefined;
  const headers: unknown =
    typeof response === 'object' && response !== null && 'headers' in response ? response.headers : undefined;
  return isHeaders(headers) ? headers : undefined;
}

const isHeaders = (value: unknown): value is Headers =>
  typeof value === 'object' && value !== null && 'get' in value && typeof value.get === 'function';
