import { ledgerLinesText, parseLedgerLines } from '#model/cost-lines.ts';

// PostgreSQL's text holds every character but NUL, and no half of a surrogate pair; clients may send both. They are
// written as ESC and four hex digits, and so is ESC itself: what was written comes back as it was.
const escape = '\u001B';
const unstorable = new RegExp(String.raw`[\0${escape}]|\p{Surrogate}`, 'gu');
const stored = new RegExp(`${escape}([0-9a-f]{4})`, 'g');
/** The same characters as JSON writes them. */
const unstorableInJson = /\\u(?:0000|001b|d[89a-f])/;
const storedInJson = '\\u001b';

/** Nearly every text, and soon found out. */
const plainText = /^[\x20-\x7E]*$/;

export function toStored(text: string): string {
  if (plainText.test(text)) return text;
  return text.replaceAll(unstorable, (one) => `${escape}${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

export function fromStored(text: string): string {
  if (!text.includes(escape)) return text;
  return text.replaceAll(stored, (_whole, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Cost lines as text whose strings PostgreSQL can take out of the JSON. */
export function linesToStored(text: string): string {
  return text.includes('\\u') && unstorableInJson.test(text) ? mapLines(text, toStored) : text;
}

export function linesFromStored(text: string): string {
  return text.includes(storedInJson) ? mapLines(text, fromStored) : text;
}

function mapLines(text: string, map: (one: string) => string): string {
  const lines = parseLedgerLines(text);
  if (lines === undefined) throw new TypeError('Cost lines cannot be read.');
  return ledgerLinesText(lines.map((line) => ({ ...line, meter: map(line.meter), priceId: map(line.priceId) })));
}

/** An array as PostgreSQL reads it. */
export function arrayText(values: readonly (string | number | bigint | null)[]): string {
  return `{${values.map(elementText).join(',')}}`;
}

/** Among them is what JSON writes in another way than as it is or behind a backslash, which is how arrays write it. */
const unlikeJson = /\p{Cc}|\p{Surrogate}/u;

function elementText(value: string | number | bigint | null): string {
  if (value === null) return 'NULL';
  if (typeof value !== 'string') return String(value);
  if (plainText.test(value) || !unlikeJson.test(value)) return JSON.stringify(value);
  return `"${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
