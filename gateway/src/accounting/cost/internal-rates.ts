import type { CostLine } from '#model/money.ts';
import { dayOf } from './price-row.ts';
import { perMillion } from './rounding.ts';

/** What an organisation charges inside: so much on top of what it pays. */
export interface InternalRate {
  /** What cost lines refer to: `internal/margin:12.5%/marketing/2026-01-01`. */
  readonly id: string;
  /** UTC ms, inclusive. The latest that has begun holds. */
  readonly effectiveFrom: number;
  /** Null: every product. */
  readonly product: string | null;
  /** Null: every model. */
  readonly model: string | null;
  /** In millionths: 12.5 % is 125,000. From -1,000,000 (given away) on. */
  readonly margin: bigint;
}

const whole = 1_000_000n;

export function rateId(rate: Omit<InternalRate, 'id'>): string {
  const parts = [rate.product, rate.model].filter((one) => one !== null);
  return ['internal', `margin:${percentText(rate.margin)}`, ...parts, dayOf(rate.effectiveFrom)].join('/');
}

/** 125,000 millionths -> `12.5%`. */
export function percentText(margin: bigint): string {
  const size = margin < 0n ? -margin : margin;
  const fraction = (size % 10_000n).toString().padStart(4, '0').replace(/0+$/, '');
  return `${margin < 0n ? '-' : ''}${size / 10_000n}${fraction === '' ? '' : `.${fraction}`}%`;
}

/** A rate for the product beats one for the model, as what somebody agreed on with a team; then the latest. */
const rank = (rate: InternalRate): number => (rate.product === null ? 0 : 2) + (rate.model === null ? 0 : 1);

/** The rates that could hold for a call, at any time. */
export function ratesFor(
  rates: readonly InternalRate[],
  call: { readonly product: string | null; readonly model: string },
): readonly InternalRate[] {
  return rates.filter(
    (one) => (one.product === null || one.product === call.product) && (one.model === null || one.model === call.model),
  );
}

/** The one of them that holds at a moment. */
export function rateAt(rates: readonly InternalRate[], at: number): InternalRate | undefined {
  let best: InternalRate | undefined;
  for (const one of rates) {
    if (one.effectiveFrom > at) continue;
    const difference = best === undefined ? 1 : rank(one) - rank(best);
    if (difference > 0 || (difference === 0 && best !== undefined && one.effectiveFrom > best.effectiveFrom))
      best = one;
  }
  return best;
}

/** The line that an internal rate makes of what is paid; on the rounded amount, so that everybody can check it. */
export function internalLine(rate: InternalRate, paid: CostLine): CostLine {
  return {
    layer: 'internal',
    meter: paid.meter,
    units: paid.units,
    priceId: rate.id,
    nanoUsd: perMillion(paid.nanoUsd, whole + rate.margin),
  };
}
