/** Response headers, lower-case names. */
export type ReplyHeaders = Readonly<Record<string, string | undefined>>;

/** Told the name of a header of an upstream that makes no sense; it is clamped or left aside. */
export type Oddity = (header: string) => void;

const shortest = 100;
/** An upstream that asks for more than this is asked again after this: nobody's clock or mood blocks a model for a day. */
const longest = 5 * 60_000;

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
const plainNumber = /^\d+(?:\.\d+)?$/;

function fromSecondsOrDate(text: string, now: number): number | undefined {
  if (plainNumber.test(text)) return Number(text) * 1000;
  if (!httpDate.test(text)) return undefined;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : date - now;
}

/** A wait as one header tells it. */
interface Told {
  readonly header: string;
  readonly ms: number;
}

function read(
  headers: ReplyHeaders,
  header: string,
  given: { readonly parse: (text: string) => number | undefined; readonly odd: Oddity },
): Told | undefined {
  const text = headers[header];
  if (text === undefined) return undefined;
  const ms = given.parse(text.trim());
  if (ms !== undefined) return { header, ms };
  given.odd(header);
  return undefined;
}

const milliseconds = (text: string): number | undefined => (plainNumber.test(text) ? Number(text) : undefined);

/** The longer one where both are exhausted: before it the upstream would refuse again. */
function exhaustedReset(headers: ReplyHeaders, odd: Oddity): Told | undefined {
  let longer: Told | undefined;
  for (const dimension of ['requests', 'tokens']) {
    if (headers[`x-ratelimit-remaining-${dimension}`] !== '0') continue;
    const told = read(headers, `x-ratelimit-reset-${dimension}`, { parse: parseResetDuration, odd });
    if (told !== undefined && (longer === undefined || told.ms > longer.ms)) longer = told;
  }
  return longer;
}

/** Seconds are rounded up; two forms that differ by more than that contradict each other. */
const roundingMs = 1000;

/**
 * How long an endpoint asks to be left alone, ms: the most exact form that it sent, clamped; undefined where it sent none
 * that makes sense. Order: `retry-after-ms`, `Retry-After` (RFC 9110 §10.2.3: seconds or a date), the reset of the
 * dimension whose remaining is 0. What had to be clamped, could not be read, or contradicts a more exact form is odd.
 */
export function cooldownOf(headers: ReplyHeaders, now: number, odd: Oddity): number | undefined {
  const exact = read(headers, 'retry-after-ms', { parse: milliseconds, odd });
  const general = read(headers, 'retry-after', { parse: (text) => fromSecondsOrDate(text, now), odd });
  if (exact !== undefined && general !== undefined && Math.abs(exact.ms - general.ms) > roundingMs) odd(general.header);
  const told = exact ?? general ?? exhaustedReset(headers, odd);
  if (told === undefined) return undefined;
  if (told.ms > longest) odd(told.header);
  return Math.min(longest, Math.max(shortest, Math.ceil(told.ms)));
}
