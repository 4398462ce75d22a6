import type { Operation } from '#model/operation.ts';
import type { PtuWeights } from '#model/ptu.ts';
import type { Caller, HourBasis, HourPart } from './ptu-basis.ts';

export const quartersOfHour = 4;
const secondsOfQuarter = 900n;
const thousand = 1000n;
const secondsOfMinute = 60n;

/** Tokens of a quarter-hour. */
export interface TokenUse {
  readonly input: bigint;
  readonly cachedInput: bigint;
  readonly output: bigint;
}

/** What somebody used of a deployment in an hour, by its quarters. */
export interface HourUse {
  readonly caller: Caller;
  readonly operation: Operation;
  readonly quarters: readonly TokenUse[];
}

/** Somebody who pays a part: weights are relative to those beside it. */
export interface Payer {
  readonly caller: Caller;
  /** `none`: it pays for what it reserved and did not use. */
  readonly operation: Operation | 'none';
  readonly weight: bigint;
}

/** Payers that pay a part together; `weight` is relative to the other groups and to what is idle. */
interface PayingGroup {
  readonly weight: bigint;
  readonly payers: readonly Payer[];
}

export interface Shares {
  readonly groups: readonly PayingGroup[];
  readonly idle: bigint;
}

/**
 * How it is known what was idle. `measured`: the rest of the capacity that the configuration names; `no-use`: all of it;
 * `unreserved`: what nobody reserved or used; `not-told`: the capacity is not configured, so those who used the
 * deployment pay for all of it.
 */
export type IdleKnown = 'measured' | 'no-use' | 'unreserved' | 'not-told';

/** In thousandths of an input token, which is what capacity is told in. */
function weighed({ input, cachedInput, output }: TokenUse, weights: PtuWeights): bigint {
  const fresh = input > cachedInput ? input - cachedInput : 0n;
  return fresh * thousand + cachedInput * BigInt(weights.cachedInput) + output * BigInt(weights.output);
}

/** What the deployment could have served in the whole hour, in thousandths of an input token; null: not told. */
export function capacityOf({ parts, tokensPerMinute }: HourBasis): bigint | null {
  if (tokensPerMinute === null) return null;
  const unitSeconds = parts.reduce((sum, one) => sum + BigInt(one.units) * BigInt(one.seconds), 0n);
  return (unitSeconds * BigInt(tokensPerMinute) * thousand) / secondsOfMinute;
}

interface WeighedUse extends Payer {
  readonly operation: Operation;
  readonly byQuarter: readonly bigint[];
}

const sumOf = (weights: readonly bigint[]): bigint => weights.reduce((sum, one) => sum + one, 0n);
const weightOf = (payers: readonly Payer[]): bigint => sumOf(payers.map((one) => one.weight));
const atLeast0 = (value: bigint): bigint => (value > 0n ? value : 0n);

function weighedUses(basis: HourBasis, uses: readonly HourUse[]): readonly WeighedUse[] {
  return uses
    .map(({ caller, operation, quarters }) => {
      const byQuarter = quarters.map((one) => weighed(one, basis.weights));
      return { caller, operation, byQuarter, weight: sumOf(byQuarter) };
    })
    .filter((one) => one.weight > 0n);
}

export function usedIn(basis: HourBasis, uses: readonly HourUse[]): bigint {
  return weightOf(weighedUses(basis, uses));
}

export function idleKnown(basis: HourBasis, uses: readonly HourUse[]): IdleKnown {
  if (basis.rule === 'by-reserved-share') return 'unreserved';
  if (usedIn(basis, uses) === 0n) return 'no-use';
  return basis.tokensPerMinute === null ? 'not-told' : 'measured';
}

function byUse(basis: HourBasis, uses: readonly WeighedUse[]): Shares {
  const capacity = capacityOf(basis);
  return {
    groups: uses.map((one) => ({ weight: one.weight, payers: [one] })),
    idle: capacity === null ? 0n : atLeast0(capacity - weightOf(uses)),
  };
}

/** Each subscription by what it needed at once: its own busiest quarter-hour, whenever that was. */
function byPeak(basis: HourBasis, uses: readonly WeighedUse[]): Shares {
  const groups = [...Map.groupBy(uses, ({ caller }) => JSON.stringify(caller)).values()].map((payers) => {
    const quarters = Array.from({ length: quartersOfHour }, (_one, at) =>
      sumOf(payers.map((one) => one.byQuarter[at] ?? 0n)),
    );
    return { weight: quarters.reduce((most, one) => (one > most ? one : most), 0n), payers };
  });
  const capacity = capacityOf(basis);
  const seconds = BigInt(basis.parts.reduce((sum, one) => sum + one.seconds, 0));
  const quarter = seconds < secondsOfQuarter ? seconds : secondsOfQuarter;
  const atOnce = capacity === null ? 0n : (capacity * quarter) / seconds;
  return { groups, idle: atLeast0(atOnce - sumOf(groups.map((one) => one.weight))) };
}

/**
 * Whoever reserved units pays for them, used or not, shared among its calls by use. Units that nobody reserved are paid
 * by use by those who have no reservation; where there are none of those, they are idle.
 */
function byReservedShare(basis: HourBasis, uses: readonly WeighedUse[], part: HourPart): Shares {
  const of = (use: WeighedUse): string | undefined =>
    basis.reserved.find((one) => one.name === use.caller[one.by])?.name;
  const groups = basis.reserved.map(({ name, units, caller }): PayingGroup => {
    const payers = uses.filter((one) => of(one) === name);
    const none = { caller, operation: 'none' as const, weight: 1n };
    return { weight: BigInt(units), payers: payers.length === 0 ? [none] : payers };
  });
  const rest = atLeast0(BigInt(part.units) - sumOf(groups.map((one) => one.weight)));
  const others = uses.filter((one) => of(one) === undefined);
  if (others.length === 0) return { groups, idle: rest };
  return { groups: [...groups, { weight: rest, payers: others }], idle: 0n };
}

/** Who pays a part of the hour, and how much of it was idle, all relative to each other. */
export function sharesOf(basis: HourBasis, uses: readonly HourUse[], part: HourPart): Shares {
  const weighedOnes = weighedUses(basis, uses);
  if (basis.rule === 'by-reserved-share') return byReservedShare(basis, weighedOnes, part);
  // Without any use there is nobody to share it among.
  if (weighedOnes.length === 0) return { groups: [], idle: 1n };
  return basis.rule === 'by-peak' ? byPeak(basis, weighedOnes) : byUse(basis, weighedOnes);
}
