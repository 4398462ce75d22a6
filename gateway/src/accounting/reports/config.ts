import { z } from 'zod';
import type { ConfigFinding, ConfigSection } from '#kernel/config-section.ts';
import { day, decimal, scaledDecimal } from '#kernel/config-values.ts';
import type { CurrencyRate, CurrencyRates } from './currency.ts';
import { startOfDay } from './time-buckets.ts';

const rateDigits = 12;

const rate = z.strictObject({
  from: day().describe('The first day it holds, in the time zone of the organisation; until the next one begins.'),
  perUsd: decimal(rateDigits).optional().describe('What one USD costs in the currency: `0.92`.'),
  usdPerUnit: decimal(rateDigits).optional().describe('Or what one unit of the currency costs in USD: `1.087`.'),
});
type Rate = z.output<typeof rate>;

const keys = {
  currencies: z
    .record(z.string().regex(/^[A-Z]{3}$/, 'expected the three letters of ISO 4217, such as EUR'), z.array(rate))
    .default({})
    .describe('Currencies that reports can be told in, with their rates.'),
};

const rules = `All money is counted in USD. A report in another currency converts at these rates, each for the usage that was
admitted while it held: \`npx --no tollgate usage --currency EUR\`.

- Rates are exact decimals with at most ${rateDigits} digits after the point. Sums are converted, not single calls, and rounded once,
  half to even, at nine digits after the point; the amounts in USD always stand beside.
- Before the first rate of a currency nothing can be told in it: such a report is refused.`;

function ofRate(value: Rate, path: ConfigFinding['path']): readonly ConfigFinding[] {
  const given = [value.perUsd, value.usdPerUnit].filter((one) => one !== undefined);
  if (given.length !== 1)
    return [{ path, message: 'a rate is told in one way', fix: 'Give either perUsd or usdPerUnit.' }];
  if (given.some((one) => scaledDecimal(one, rateDigits) === 0n))
    return [{ path, message: 'a rate is more than 0', fix: 'Correct it.' }];
  return [];
}

function ofCurrency(code: string, rates: readonly Rate[]): readonly ConfigFinding[] {
  const path = ['currencies', code];
  if (code === 'USD') return [{ path, message: 'USD is what everything is counted in', fix: 'Leave it out.' }];
  if (rates.length === 0) return [{ path, message: 'it has no rate', fix: 'Give one with its first day.' }];
  const twice = rates.findIndex((one, index) => rates.findIndex(({ from }) => from === one.from) !== index);
  return [
    ...rates.flatMap((one, index) => ofRate(one, [...path, index])),
    ...(twice < 0
      ? []
      : [{ path: [...path, twice, 'from'], message: 'two rates begin on this day', fix: 'Leave one of them out.' }]),
  ];
}

export const reportsConfig: ConfigSection<typeof keys> = {
  name: 'reports',
  summary: rules,
  keys,
  references: [],
  check: ({ currencies = {} }) => Object.entries(currencies).flatMap(([code, rates]) => ofCurrency(code, rates)),
};

function rateOf({ from, perUsd, usdPerUnit }: Rate, timeZone: string): CurrencyRate {
  const one = 10n ** BigInt(rateDigits);
  const firstDay = Temporal.Instant.fromEpochMilliseconds(from).toZonedDateTimeISO('UTC').toPlainDate();
  const amounts =
    perUsd === undefined
      ? { units: one, usd: scaledDecimal(usdPerUnit ?? '1', rateDigits) }
      : { units: scaledDecimal(perUsd, rateDigits), usd: one };
  return { from: startOfDay(firstDay, timeZone), firstDay: firstDay.toString(), ...amounts };
}

/** The configured rates of each currency, the earliest first. */
export function currencyRates(config: {
  readonly timeZone: string;
  readonly currencies: Readonly<Record<string, readonly Rate[]>>;
}): CurrencyRates {
  return Object.fromEntries(
    Object.entries(config.currencies).map(([code, rates]) => [
      code,
      rates.map((one) => rateOf(one, config.timeZone)).toSorted((one, other) => one.from - other.from),
    ]),
  );
}
