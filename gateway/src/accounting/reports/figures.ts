import type { PriceLayer, UsageFigures } from '@tollgate/contract/usage.ts';
import { figuresWith, measures, type Figures, type Measure } from '#model/figures.ts';
import { Failure } from '#kernel/errors.ts';
import { ConvertedSum, decimalOfNano, type CurrencyRate } from './currency.ts';

/** The sum of figures, measure by measure; nothing but zeros for none. */
export function addFigures(all: Iterable<Figures>): Figures {
  const total = figuresWith(() => 0n);
  for (const one of all) addTo(total, one);
  return total;
}

function addTo(total: Record<Measure, bigint>, added: Figures): void {
  for (const measure of measures) total[measure] += added[measure];
}

/** The measures of each layer: what it costs, and of how many attempts that is known. */
const layerMeasures: Readonly<Record<PriceLayer, { readonly cost: Measure; readonly priced: Measure }>> = {
  list: { cost: 'listCost', priced: 'listPricedAttempts' },
  contracted: { cost: 'cost', priced: 'pricedAttempts' },
  internal: { cost: 'internalCost', priced: 'internalPricedAttempts' },
};

/** 10^-9 USD on a layer; null where nothing could be priced. An adjustment without a call may cost something, too. */
export function costOf(figures: Figures, layer: PriceLayer): bigint | null {
  const { cost, priced } = layerMeasures[layer];
  return figures[priced] === 0n && figures[cost] === 0n ? null : figures[cost];
}

/** Figures that grow, and what they come to in a currency: each part at the rate of its time. */
export class RunningFigures {
  readonly #layer: PriceLayer;
  readonly #amount = new ConvertedSum();
  readonly figures = figuresWith(() => 0n);

  constructor(layer: PriceLayer) {
    this.#layer = layer;
  }

  add(figures: Figures, rate: CurrencyRate | undefined): this {
    addTo(this.figures, figures);
    this.#amount.add(figures[layerMeasures[this.#layer].cost], rate);
    return this;
  }

  merge(other: RunningFigures): this {
    addTo(this.figures, other.figures);
    this.#amount.merge(other.#amount);
    return this;
  }

  /** In 10^-9 of the currency; null where nothing could be priced. */
  amount(): bigint | null {
    return costOf(this.figures, this.#layer) === null ? null : this.#amount.rounded();
  }

  reported(): UsageFigures {
    const amount = this.amount();
    return { amount: amount === null ? null : decimalOfNano(amount), ...reportedFigures(this.figures) };
  }
}

/** A JSON number holds integers up to 2^53: beyond, a report is refused, never rounded. */
function count(value: bigint): number {
  const asNumber = Number(value);
  if (!Number.isSafeInteger(asNumber))
    throw new Failure(
      'admin_invalid',
      `The report has a count of ${value}, which is beyond 2^53. Ask for a shorter period, or by more dimensions.`,
    );
  return asNumber;
}

const text = (amount: bigint | null): string | null => (amount === null ? null : String(amount));

/** As the contract has them: counts as numbers, money as decimal strings, null for what is not known at all. */
function reportedFigures(figures: Figures): Omit<UsageFigures, 'amount'> {
  const knowsNothing = figures.attempts > 0n && figures.unknownUsageAttempts === figures.attempts;
  const units = (measure: Measure): number | null =>
    knowsNothing && figures[measure] === 0n ? null : count(figures[measure]);
  return {
    requests: count(figures.requests),
    attempts: count(figures.attempts),
    inputTokens: units('input'),
    cachedInputTokens: units('cachedInput'),
    cacheWriteInputTokens: units('cacheWriteInput'),
    audioInputTokens: units('audioInput'),
    imageInputTokens: units('imageInput'),
    outputTokens: units('output'),
    reasoningTokens: units('reasoning'),
    audioOutputTokens: units('audioOutput'),
    seconds: units('seconds'),
    characters: units('characters'),
    images: units('images'),
    toolCalls: units('toolCalls'),
    costNanoUsd: text(costOf(figures, 'contracted')),
    pricedAttempts: count(figures.pricedAttempts),
    listCostNanoUsd: text(costOf(figures, 'list')),
    listPricedAttempts: count(figures.listPricedAttempts),
    internalCostNanoUsd: text(costOf(figures, 'internal')),
    internalPricedAttempts: count(figures.internalPricedAttempts),
    heldNanoUsd: String(figures.held),
    unpricedRequests: count(figures.unpricedRequests),
    unknownUsageRequests: count(figures.unknownUsageRequests),
    unknownUsageAttempts: count(figures.unknownUsageAttempts),
    deliveredOnlyRequests: count(figures.deliveredOnlyRequests),
    estimatedRequests: count(figures.estimatedRequests),
  };
}
