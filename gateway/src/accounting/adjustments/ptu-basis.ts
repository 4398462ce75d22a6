import { z } from 'zod';
import type { InternalRate } from '#accounting/cost/internal-rates.ts';
import type { Series } from '#accounting/ledger/ports.ts';
import { ptuRules, type PtuDeployment, type PtuPeriod, type PtuReservation } from '#model/ptu.ts';

export const hourMs = 3_600_000;
const minuteMs = 60_000;

export type Caller = Series['caller'];

const text = z.string();
const whole = z.int().nonnegative();
const signed = text.regex(/^-?\d+$/);
const price = { nanoUsdPerUnitHour: text.regex(/^\d+$/), priceId: text };
const callerSchema = z.object({ subscription: text, product: text, consumer: text, costCentrePath: text });

/**
 * What an hour of a provisioned deployment is allocated by, as it is booked with the allocation. Whatever is known later
 * is allocated by the same terms: a configuration that has changed since does not change an hour that was closed.
 */
export const hourBasisSchema = z.object({
  /** The hour's beginning, RFC 3339. */
  hour: text,
  servedBy: z.object({
    endpoint: text,
    resource: text,
    region: text,
    deployment: text,
    deploymentType: text,
    model: text,
    modelVersion: text.nullable(),
  }),
  /** The parts of the hour in which it held so many units at one price. */
  parts: z.array(z.object({ units: whole, seconds: whole, ...price, list: z.object(price).nullable() })),
  /** The margins that are charged inside for its model. */
  margins: z.array(
    z.object({
      id: text,
      effectiveFrom: z.int(),
      product: text.nullable(),
      model: text.nullable(),
      millionths: signed,
    }),
  ),
  rule: z.enum(ptuRules),
  reserved: z.array(
    z.object({ by: z.enum(['consumer', 'subscription']), name: text, units: whole, caller: callerSchema }),
  ),
  weights: z.object({ cachedInput: whole, output: whole }),
  tokensPerMinute: whole.nullable(),
  /** Who bears what nobody used. */
  idleCostCentre: text,
});
export type HourBasis = Readonly<z.output<typeof hourBasisSchema>>;
export type HourPart = HourBasis['parts'][number];

/** Who is charged for units that were reserved and not used, as far as the directory knows them. */
export interface ReservedCallers {
  readonly organisation: string;
  readonly known: readonly (Pick<PtuReservation, 'by' | 'name'> & { readonly caller: Caller })[];
}

const overlapMs = (period: PtuPeriod, hour: number, since: number): number =>
  Math.min(period.to ?? Infinity, hour + hourMs) - Math.max(period.from ?? since, hour);

/** List prices change with the day, so that an hour has one. */
function listPriceOf({ listPrices }: PtuDeployment, hour: number): HourPart['list'] {
  const found = listPrices.findLast(({ from, to }) => from <= hour && (to === null || hour < to));
  if (found === undefined) return null;
  return { nanoUsdPerUnitHour: String(found.nanoUsdPerUnitHour), priceId: found.priceId };
}

function partsOf(deployment: PtuDeployment, hour: number, since: number): HourPart[] {
  const list = listPriceOf(deployment, hour);
  return deployment.periods.flatMap((period) => {
    const ms = Math.max(0, overlapMs(period, hour, since));
    const { units, nanoUsdPerUnitHour, priceId } = period;
    const seconds = Math.floor(ms / minuteMs) * 60;
    return seconds === 0 ? [] : [{ units, seconds, nanoUsdPerUnitHour: String(nanoUsdPerUnitHour), priceId, list }];
  });
}

/** What an hour is allocated by, beside what is said of the deployment. */
export interface HourSurroundings {
  /** UTC ms. */
  readonly hour: number;
  /** From when on a price without a beginning holds, UTC ms. */
  readonly since: number;
  readonly callers: ReservedCallers;
  /** What is charged inside. */
  readonly rates: readonly InternalRate[];
}

function marginsOf(rates: readonly InternalRate[], at: number, of: string): HourBasis['margins'] {
  return rates
    .filter(({ model, effectiveFrom }) => (model === null || model === of) && effectiveFrom <= at)
    .map(({ margin, ...rate }) => ({ ...rate, millionths: String(margin) }));
}

/** Without parts where the hour costs nothing. */
export function hourBasis(deployment: PtuDeployment, surroundings: HourSurroundings): HourBasis {
  const { hour, since, callers, rates } = surroundings;
  const nameless = { subscription: '', product: '', consumer: '', costCentrePath: callers.organisation };
  const callerOf = ({ by, name }: PtuReservation): Caller =>
    callers.known.find((one) => one.by === by && one.name === name)?.caller ?? { ...nameless, [by]: name };
  return {
    hour: new Date(hour).toISOString(),
    servedBy: { ...deployment.servedBy },
    parts: partsOf(deployment, hour, since),
    margins: marginsOf(rates, hour, deployment.servedBy.model),
    rule: deployment.rule,
    reserved: deployment.reserved.map((one) => ({ ...one, caller: callerOf(one) })),
    weights: { ...deployment.weights },
    tokensPerMinute: deployment.tokensPerMinute,
    idleCostCentre: callers.organisation,
  };
}
