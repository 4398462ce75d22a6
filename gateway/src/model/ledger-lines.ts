import { lineStanding, paidByTheHour, type CostLine, type LedgerLine, type NanoUsd } from './money.ts';
import type { Units } from './usage-record.ts';

/** What a record says of its cost. */
export interface Valued {
  readonly pricing: 'token' | 'ptu';
  readonly costNano: NanoUsd | null;
  readonly listNano: NanoUsd | null;
  readonly internalNano: NanoUsd | null;
  /** The meters without a price, or why nothing could be priced. */
  readonly unpriced: readonly string[];
  readonly lines: readonly CostLine[];
}

/**
 * The lines of a record as the ledger adds them up: those of its cost, one for each meter without a price, and those of
 * what a provisioned deployment served. Added up by what they are part of, they give the record's sums on every layer.
 */
export function ledgerLines(valued: Valued, units: Units): readonly LedgerLine[] {
  const known = withStanding(valued);
  if (valued.pricing === 'ptu') return [...known, ...paidLines(units, insideOf(valued))];
  const missing = valued.unpriced.flatMap((meter) => missingLine(meter, valued, units));
  return missing.length === 0 ? known : [...known, ...missing];
}

/** The lines of a cost, each with what it is part of. */
export function withStanding(valued: Omit<Valued, 'pricing' | 'unpriced'>): readonly LedgerLine[] {
  const { lines, costNano, listNano, internalNano } = valued;
  const contracted = lines.some((one) => one.layer === 'contracted')
    ? new Set(lines.filter((one) => one.layer === 'contracted').map((one) => one.meter))
    : noMeters;
  const ofLayer = { list: listNano !== null, contracted: costNano !== null, internal: internalNano !== null };
  return lines.map((line) => {
    const charged = line.layer === 'contracted' || (line.layer === 'list' && !contracted.has(line.meter));
    const ofCost = costNano === null ? lineStanding.unpriced : (charged && lineStanding.cost) || 0;
    return { ...line, standing: ofCost | (ofLayer[line.layer] ? lineStanding.layer : 0) | insideOf(valued) };
  });
}

const insideOf = ({ internalNano }: Pick<Valued, 'internalNano'>): number =>
  internalNano === null ? 0 : lineStanding.inside;

const noMeters: ReadonlySet<string> = new Set();

/** The units of a meter without a price; nothing where the name is a reason and no meter. */
function missingLine(meter: string, valued: Valued, units: Units): readonly LedgerLine[] {
  // Reasoning is output, unless it has a price of its own or lacks one of its own.
  const apart = valued.unpriced.includes('reasoning') || valued.lines.some((one) => one.meter === 'reasoning');
  const found = unitsOf(meter, units, apart);
  if (found === null || found <= 0) return [];
  const standing = lineStanding.unpriced | insideOf(valued);
  return [{ layer: 'list', meter, units: found, priceId: '', nanoUsd: 0n, standing }];
}

function paidLines(units: Units, inside: number): readonly LedgerLine[] {
  const meters = [
    ...tokenMeters,
    'seconds',
    'characters',
    ...Object.keys(units.toolCalls).map((tool) => `toolCall:${tool}`),
    ...Object.keys(units.images).map((image) => `image:${image}`),
  ];
  return meters.flatMap((meter): readonly LedgerLine[] => {
    const found = unitsOf(meter, units, false);
    if (found === null || found <= 0) return [];
    const standing = lineStanding.cost | lineStanding.layer | inside;
    return [{ layer: 'list', meter, units: found, priceId: paidByTheHour, nanoUsd: 0n, standing }];
  });
}

const tokenMeters = [
  'input',
  'cachedInput',
  'cacheWriteInput',
  'audioInput',
  'imageInput',
  'output',
  'audioOutput',
] as const;

/** How many units of a meter there are: parts that have a meter of their own are no part of the rest. Null: not known. */
function unitsOf(meter: string, units: Units, reasoningApart: boolean): number | null {
  const { input, output, cachedInput, cacheWriteInput, audioInput, imageInput, audioOutput, reasoning } = units;
  if (meter === 'input') return less(input, [cachedInput, cacheWriteInput, audioInput, imageInput]);
  if (meter === 'output') return less(output, [audioOutput, reasoningApart ? reasoning : 0]);
  return isPlainUnit(meter) ? units[meter] : countOf(meter, units);
}

const plainUnits = [
  'cachedInput',
  'cacheWriteInput',
  'audioInput',
  'imageInput',
  'reasoning',
  'audioOutput',
  'seconds',
  'characters',
] as const satisfies readonly (keyof Units)[];

function isPlainUnit(meter: string): meter is (typeof plainUnits)[number] {
  return plainUnits.some((one) => one === meter);
}

/** A part that was not reported is charged with the rest. */
function less(whole: number | null, parts: readonly (number | null)[]): number | null {
  return whole === null ? null : parts.reduce<number>((rest, one) => rest - (one ?? 0), whole);
}

function countOf(meter: string, { toolCalls, images }: Units): number | null {
  if (meter.startsWith('toolCall:')) return toolCalls[meter.slice('toolCall:'.length)] ?? null;
  return meter.startsWith('image:') ? (images[meter.slice('image:'.length)] ?? null) : null;
}
