import { nameSchema } from '@tollgate/contract/admin-api/subscriptions.ts';
import { z } from 'zod';
import { readKeyVaultReference } from './key-vault-reference.ts';
import { Secret } from './secret.ts';

type UnitTable = readonly (readonly [name: string, size: number])[];

/** Milliseconds and bytes of a unit, the largest first. */
const timeUnits: UnitTable = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
];
const week = 7 * 86_400_000;
const durationPattern = /^(\d+)(ms|s|m|h|d)$/;

/** `500ms`, `120s`, `2m`, `1h`, `7d` -> milliseconds. */
export function duration(limits: { readonly atLeastMs?: number; readonly atMostMs?: number } = {}) {
  return z
    .string({ error: 'expected a duration with its unit, such as 500ms, 120s or 2m' })
    .regex(durationPattern, 'expected a duration with its unit, such as 500ms, 120s or 2m')
    .meta({ title: 'duration' })
    .transform((text, context) => {
      const [, count, unit] = durationPattern.exec(text) ?? [];
      const ms = Number(count) * sizeOf(unit, timeUnits);
      const { atLeastMs = 1, atMostMs = week } = limits;
      if (ms < atLeastMs || ms > atMostMs) {
        context.issues.push({
          code: 'custom',
          input: text,
          message: `expected a duration from ${showDuration(atLeastMs)} to ${showDuration(atMostMs)}`,
        });
      }
      return ms;
    });
}

function sizeOf(unit: string | undefined, table: UnitTable): number {
  return table.find(([name]) => name === unit)?.[1] ?? 1;
}

/** In the largest unit of the table that divides it. */
function inUnits(value: number, table: UnitTable): string {
  const [name, size] = table.find(([, one]) => value % one === 0) ?? ['', 1];
  return `${value / size}${name}`;
}

const showDuration = (ms: number): string => inUnits(ms, timeUnits);

const byteUnits: UnitTable = [
  ['GiB', 1024 ** 3],
  ['GB', 1e9],
  ['MiB', 1024 ** 2],
  ['MB', 1e6],
  ['KiB', 1024],
  ['KB', 1000],
  ['B', 1],
];
const sizePattern = /^(\d+)(B|KiB|MiB|GiB|KB|MB|GB)$/;

/** `16MiB`, `256KiB`, `512B` -> bytes. */
export function byteSize(limits: { readonly atLeast: number; readonly atMost: number }) {
  return z
    .string({ error: 'expected a size with its unit, such as 256KiB or 16MiB' })
    .regex(sizePattern, 'expected a size with its unit, such as 256KiB or 16MiB')
    .meta({ title: 'size' })
    .transform((text, context) => {
      const [, count, unit] = sizePattern.exec(text) ?? [];
      const bytes = Number(count) * sizeOf(unit, byteUnits);
      if (bytes < limits.atLeast || bytes > limits.atMost) {
        context.issues.push({
          code: 'custom',
          input: text,
          message: `expected a size from ${showBytes(limits.atLeast)} to ${showBytes(limits.atMost)}`,
        });
      }
      return bytes;
    });
}

const showBytes = (bytes: number): string => inUnits(bytes, byteUnits);

/** `4096`, `60_000`, or a reference such as `${PORT:-8080}` -> a whole number. */
export function wholeNumber(limits: { readonly atLeast: number; readonly atMost?: number }) {
  const { atLeast, atMost = Number.MAX_SAFE_INTEGER } = limits;
  const expected =
    limits.atMost === undefined
      ? `expected a whole number of at least ${atLeast}, such as 4096 or 60_000`
      : `expected a whole number from ${atLeast} to ${atMost}`;
  return z
    .union(
      [
        z.int({ error: expected }).gte(atLeast, expected).lte(atMost, expected),
        z.string().regex(/^\d+(?:_\d+)*$/, expected),
      ],
      { error: expected },
    )
    .meta({ title: 'whole number' })
    .transform((value, context) => {
      const number = typeof value === 'number' ? value : Number(value.replaceAll('_', ''));
      if (number < atLeast || number > atMost) context.issues.push({ code: 'custom', input: value, message: expected });
      return number;
    });
}

const decimalPattern = /^(\d+)(?:\.(\d+))?$/;
const decimalText = (expected: string) =>
  z
    .union([z.int({ error: expected }).nonnegative(expected), z.string().regex(decimalPattern, expected)], {
      error: expected,
    })
    .meta({ title: 'decimal' });

/** `0.075` -> its own text. The loader hands fractions over as they stand in the file, never as floats. */
export function decimal(digits: number) {
  const expected = `expected a decimal number with at most ${digits} digits after the point, such as 0.075`;
  return decimalText(expected).transform((value, context) => {
    const text = String(value);
    const [, whole = '', fraction = ''] = decimalPattern.exec(text) ?? [];
    if (fraction.length > digits || whole.length > 9) {
      context.issues.push({ code: 'custom', input: value, message: expected });
    }
    return text;
  });
}

/** The integer of 10^-`digits` that a decimal text stands for, exactly. */
export function scaledDecimal(text: string, digits: number): bigint {
  const [, whole = '0', fraction = ''] = decimalPattern.exec(text) ?? [];
  return BigInt(whole + fraction.padEnd(digits, '0').slice(0, digits));
}

const usdPattern = /^(\d{1,9}(?:\.(\d+))?) USD$/;

/** `1.00 USD` -> its own text; `usdText` is the number in it. */
export function usdAmount(digits: number) {
  const expected = `expected an amount with its currency and at most ${digits} digits after the point, such as 1.00 USD`;
  return z
    .string({ error: expected })
    .regex(usdPattern, expected)
    .refine((text) => (usdPattern.exec(text)?.[2] ?? '').length <= digits, expected)
    .meta({ title: 'amount' });
}

/** `1.00 USD` -> `1.00`, for `scaledDecimal`. */
export function usdText(amount: string): string {
  return usdPattern.exec(amount)?.[1] ?? '0';
}

const exactPercentPattern = /^(-?)(\d{1,6})(?:\.(\d{1,4}))?%$/;

/** `12.5%` -> its own text. Exact, like an amount: at most four digits after the point. */
export function exactPercent(limits: { readonly atLeast: number; readonly atMost: number }) {
  const expected = `expected a percentage from ${limits.atLeast}% to ${limits.atMost}%, such as 12.5%`;
  return z
    .string({ error: expected })
    .regex(exactPercentPattern, expected)
    .meta({ title: 'percentage' })
    .refine((text) => {
      const millionths = percentMillionths(text);
      return millionths >= BigInt(limits.atLeast) * 10_000n && millionths <= BigInt(limits.atMost) * 10_000n;
    }, expected);
}

/** The millionths that a percentage stands for, exactly: `12.5%` is 125,000. */
export function percentMillionths(text: string): bigint {
  const [, sign = '', whole = '0', fraction = ''] = exactPercentPattern.exec(text) ?? [];
  const millionths = BigInt(whole + fraction.padEnd(4, '0'));
  return sign === '-' ? -millionths : millionths;
}

/** A share relative to others, `70` or `0.5`: a ratio and no amount, so a plain number. */
export function share() {
  return decimalText('expected a number above 0, such as 70 or 0.5').transform(Number);
}

const percentPattern = /^(\d{1,3}(?:\.\d{1,2})?) ?%$/;

/** `50%` -> 0.5. */
export function percentage() {
  const expected = 'expected a percentage from 0% to 100%, such as 50%';
  return z
    .string({ error: expected })
    .regex(percentPattern, expected)
    .meta({ title: 'percentage' })
    .transform((text, context) => {
      const part = Number(percentPattern.exec(text)?.[1]) / 100;
      if (part > 1) context.issues.push({ code: 'custom', input: text, message: expected });
      return part;
    });
}

/** Names that people type and reports show: lower-case letters, digits, dashes. */
export function entryName() {
  return nameSchema;
}

/** Names of models, endpoints and deployments, as Azure writes them. */
export function azureName() {
  return z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'expected letters, digits, dots, dashes and underscores, at most 64');
}

/** RFC 3339 with a zone, `2027-01-31T00:00:00Z` -> UTC milliseconds. */
export function instant() {
  return z.iso
    .datetime({ offset: true, error: 'expected a moment with its zone, such as 2027-01-31T00:00:00Z' })
    .meta({ title: 'moment' })
    .transform((text) => Date.parse(text));
}

/** A day, `2026-03-17` -> the UTC milliseconds of its start. */
export function day() {
  return z.iso
    .date({ error: 'expected a day, such as 2026-03-17' })
    .meta({ title: 'day' })
    .transform((text) => Date.parse(`${text}T00:00:00Z`));
}

const secretExpected =
  'expected a reference to a secret: "${NAME}", { file: path } or { keyVault: https://name.vault.azure.net/secrets/name }';

const keyVaultReference = z
  .string()
  .refine((text) => readKeyVaultReference(text) !== undefined, {
    error:
      'expected the address of a secret: https://name.vault.azure.net/secrets/name, with its version where one is meant',
  })
  .describe(
    'In Azure Key Vault: `https://name.vault.azure.net/secrets/name`, read again every `keyVault.refreshEvery`; with ' +
      '`/version` behind it, that one for ever.',
  );

/**
 * `"${NAME}"`, `{ file: path }` relative to the configuration file, or `{ keyVault: address }`. The loader refuses one that
 * stands in clear, and, unless it may have a default, one whose default does.
 */
export function secret({ mayHaveDefault = true }: { readonly mayHaveDefault?: boolean } = {}) {
  return z
    .union(
      [
        z.string(),
        z.strictObject({ file: z.string().min(1).describe('Relative to the configuration file.') }),
        z.strictObject({ keyVault: keyVaultReference }),
      ],
      { error: secretExpected },
    )
    .meta({ title: 'secret' })
    .transform((value) => new Secret(typeof value === 'string' ? { text: value } : value, mayHaveDefault));
}
