import type { ConfigFinding } from '#kernel/config-section.ts';
import { azureName, day, entryName, exactPercent, percentMillionths } from '#kernel/config-values.ts';
import { z } from 'zod';
import { rateId, type InternalRate } from './internal-rates.ts';

const rate = z.strictObject({
  effectiveFrom: day().describe('The first day it holds (UTC). Among equally specific rates, the latest wins.'),
  margin: exactPercent({ atLeast: -100, atMost: 1000 }).describe(
    'What is added to what a call costs, as an exact percentage: `12.5%`; `0%` passes the cost on, `-100%` gives it away.',
  ),
  product: entryName().optional().describe('Only for calls with this product; default: for all.'),
  model: azureName().optional().describe('Only for calls of this model; default: for all.'),
});

export const internalRates = z
  .array(rate)
  .default([])
  .describe(
    'What is charged inside the organisation: a margin on top of what a call costs (its contracted price, else the list ' +
      'price). A rate for a product beats one for a model, that beats a general one; then the latest that has begun ' +
      'holds. An item of `prices` with `layer: internal` beats all of them, for its meters.',
  );

type RateValues = z.output<typeof rate>;

/** The rates of the configuration, for the price book. */
export function internalRatesOf(config: { readonly internalRates: readonly RateValues[] }): readonly InternalRate[] {
  return config.internalRates.map(({ effectiveFrom, margin, product = null, model = null }) => {
    const rule = { effectiveFrom, product, model, margin: percentMillionths(margin) };
    return { id: rateId(rule), ...rule };
  });
}

/** Two rates for the same thing from the same day on: nobody could say which holds. */
export function ratesFindings(rates: readonly RateValues[]): readonly ConfigFinding[] {
  const first = new Map<string, number>();
  return rates.flatMap((one, index): readonly ConfigFinding[] => {
    const key = [one.effectiveFrom, one.product ?? '', one.model ?? ''].join('|');
    const before = first.get(key);
    if (before === undefined) {
      first.set(key, index);
      return [];
    }
    return [
      {
        path: ['internalRates', index],
        message: `it is for the same and from the same day as rate ${before + 1} of the list`,
        fix: 'Leave one out, or give one a later effectiveFrom.',
      },
    ];
  });
}
