/** Response headers, lower-case names. */
export type ReplyHeaders = Readonly<Record<string, string | undefined>>;

const shortest = 100;
/** An upstream that asks for more than this is asked again after this: nobody's clock or mood blocks a model for a day. */
const longest = 5 * 60_000;

function clamp(milliseconds: number): number {
  return Math.min(longest, Math.max(shortest, Math.ceil(milliseconds)));
}

/** `1s`, `6m0s`, `120ms`, `1h2m`, bare seconds; undefined where it is none of these. */
export function parseResetDuration(text: string): number | undefined {
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text) * 1000;
  const unit: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/.test(text)) return undefined;
  let total = 0;
  for (const part of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g))
    total += Number(part[1]) * (unit[part[2] ?? ''] ?? 0);
  return total;
}

/** IMF-fixdate of RFC 9110 §5.6.7; `Date.parse` alone would take "-1" for a date. */
const httpDate = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

function retryAfter(text: string, now: number): number | undefined {
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (!httpDate.test(text)) return undefined;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : date - now;
}

function exhaustedReset(headers: ReplyHeaders): number | undefined {
  let reset: number | undefined;
  for (const dimension of ['requests', 'tokens']) {
    if (headers[`x-ratelimit-remaining-${dimension}`] !== '0') continue;
    const wait = parseResetDuration(headers[`x-ratelimit-reset-${dimension}`] ?? '');
    if (wait !== undefined && (reset === undefined || wait > reset)) reset = wait;
  }
  return reset;
}

/**
 * How long a throttled endpoint asks to be left alone, ms: the most exact form that it sent, clamped; undefined where it
 * sent none. Order: `retry-after-ms`, `Retry-After` (RFC 9110 §10.2.3: seconds or a date), the reset of the dimension
 * whose remaining is 0.
 */
export function cooldownOf(headers: ReplyHeaders, now: number): number | undefined {
  const exact = headers['retry-after-ms'];
  if (exact !== undefined && /^\d+(?:\.\d+)?$/.test(exact)) return clamp(Number(exact));
  const general = headers['retry-after'];
  const wait = (general === undefined ? undefined : retryAfter(general, now)) ?? exhaustedReset(headers);
  return wait === undefined ? undefined : clamp(wait);
}
