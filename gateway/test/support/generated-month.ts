// A month in which everything happens: every outcome, unit, tier, price layer and kind of adjustment, the same for the
// same seed. What every report, export and statement of it has to come to, reference-sums.ts says.
import { requestBits, type Adjustment, type Posting, type ShippedEntry } from '../../src/accounting/ledger/ports.ts';
import { parseLedgerLines } from '../../src/model/cost-lines.ts';
import { lineStanding, type LedgerLine } from '../../src/model/money.ts';
import {
  noUnits,
  unknownUnits,
  type Measured,
  type Outcome,
  type Units,
  type UsageRecord,
} from '../../src/model/usage-record.ts';
import { operations, outcomes } from '../../src/model/words.ts';
import { seededSequence } from '../kill/seed.ts';
import { generatedCost } from './generated-cost.ts';
import { callers, endpoints, type GeneratedEndpoint } from './generated-organisation.ts';
import { posting, shippedRecord, storedRecord } from './records.ts';

/** November 2026 as it is in Amsterdam: it begins and ends at 23:00 UTC. */
export const generatedPeriod = {
  timeZone: 'Europe/Amsterdam',
  month: '2026-11',
  from: Date.UTC(2026, 9, 31, 23),
  to: Date.UTC(2026, 10, 30, 23),
} as const;

const hourMs = 3_600_000;

export interface GeneratedMonth {
  /** In no order; some belong to the days before and after the month. */
  readonly records: readonly UsageRecord[];
  readonly adjustments: readonly Adjustment[];
  /** All of them as they are shipped, in an order in which some adjustments come before what they adjust. */
  readonly entries: readonly ShippedEntry[];
}

/** Chance, in the words of the generator. */
class Dice {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = seededSequence(seed);
  }

  /** 0 to `below` - 1. */
  upTo(below: number): number {
    return Math.floor(this.#next() * below);
  }

  oneOf<Item>(all: readonly Item[]): Item {
    const found = all[this.upTo(all.length)];
    if (found === undefined) throw new RangeError('There is nothing to choose from.');
    return found;
  }

  /** True once in so many times. */
  oneIn(times: number): boolean {
    return this.upTo(times) === 0;
  }
}

type Ending = readonly [outcome: Outcome, input: Measured, output: Measured];

const lastEndings: readonly Ending[] = [
  ['completed', 'reported', 'reported'],
  ['completed', 'reported', 'reported'],
  ['completed', 'estimated', 'delivered'],
  ['client-left', 'estimated', 'delivered'],
  ['client-left', 'reported', 'reported'],
  ['upstream-broke', 'tokenized', 'delivered'],
  ['timed-out', 'tokenized', 'delivered'],
  ['timed-out', 'tokenized', 'unknown'],
  ['filtered-prompt', 'unknown', 'unknown'],
  ['filtered-completion', 'reported', 'reported'],
  ['refused-by-upstream', 'none', 'none'],
  ['hedge-lost', 'unknown', 'unknown'],
  ['gateway-lost', 'unknown', 'unknown'],
];
const earlierEndings: readonly Ending[] = [
  ['refused-by-upstream', 'none', 'none'],
  ['upstream-broke', 'unknown', 'unknown'],
  ['upstream-broke', 'none', 'none'],
];

const metered = Object.keys(operations).filter((one) => !one.startsWith('models.')) as UsageRecord['operation'][];
const tiers = ['default', 'default', 'priority', 'flex', null] as const;

function outputOf(dice: Dice, measured: Measured): Pick<Units, 'output' | 'reasoning' | 'audioOutput'> {
  if (measured === 'unknown') return { output: null, reasoning: null, audioOutput: null };
  const output = dice.upTo(4000);
  return { output, reasoning: dice.upTo(output + 1), audioOutput: dice.oneIn(5) ? Math.floor(output / 3) : 0 };
}

function unitsOf(dice: Dice, endpoint: GeneratedEndpoint, [, inputKind, outputKind]: Ending): Units {
  if (inputKind === 'none') return noUnits;
  if (inputKind === 'unknown') return unknownUnits;
  const amount = (most: number): number => (dice.oneIn(4) ? 0 : dice.upTo(most));
  const [cached, written, audio, image] = [amount(2000), amount(300), amount(200), amount(150)];
  const { makes } = endpoint;
  return {
    ...noUnits,
    input: cached + written + audio + image + dice.upTo(dice.oneIn(20) ? 300_000 : 5000),
    // Where the provider does not tell a part, it is charged with the rest.
    cachedInput: dice.oneIn(15) ? null : cached,
    cacheWriteInput: written,
    audioInput: audio,
    imageInput: image,
    ...outputOf(dice, outputKind),
    seconds: makes === 'text of sound' ? 1 + dice.upTo(600) : 0,
    characters: makes === 'speech' ? 1 + dice.upTo(4000) : 0,
    images: makes === 'images' ? { 'high/1024x1024': 1 + dice.upTo(4), 'low/1024x1536': dice.upTo(2) } : {},
    toolCalls: dice.oneIn(6) ? { web_search: 1 + dice.upTo(3), code_interpreter: dice.upTo(2) } : {},
  };
}

/** Outside the month as often as it takes for its edges to matter. */
function admission(dice: Dice): number {
  const { from, to } = generatedPeriod;
  if (dice.oneIn(40)) return dice.oneOf([from - 1, from, to - 1, to, from + hourMs, to - hourMs]);
  return from - 2 * hourMs + dice.upTo(to - from + 4 * hourMs);
}

const statusOf: Readonly<Partial<Record<Outcome, number>>> = { 'refused-by-upstream': 429, 'filtered-prompt': 400 };

interface Request {
  readonly requestId: string;
  readonly at: number;
  readonly caller: UsageRecord['caller'];
  readonly operation: UsageRecord['operation'];
}

function attempt(dice: Dice, request: Request, which: { readonly attempt: number; readonly ending: Ending }) {
  const { ending } = which;
  const endpoint = dice.oneOf(endpoints);
  const units = unitsOf(dice, endpoint, ending);
  const serviceTier = dice.oneOf(tiers);
  const spilledFrom = endpoint.provisioned && dice.oneIn(4) ? endpoint.servedBy.deployment : null;
  const at = request.at + (which.attempt - 1) * dice.upTo(90_000);
  const record: UsageRecord = {
    id: `${request.requestId}-${which.attempt}`,
    requestId: request.requestId,
    attempt: which.attempt,
    at,
    caller: request.caller,
    servedBy: endpoint.servedBy,
    operation: request.operation,
    stream: dice.oneIn(2),
    requestedModel: dice.oneOf([endpoint.servedBy.model, 'house-model']),
    reservedNano: dice.oneIn(8) ? null : BigInt(1_000_000 + dice.upTo(90_000_000)),
    priceBook: 'book-2026-11',
    finishedAt: at + 1200,
    outcome: ending[0],
    httpStatus: ending[0] === 'gateway-lost' ? null : (statusOf[ending[0]] ?? 200),
    units,
    measuredInput: ending[1],
    measuredOutput: ending[2],
    serviceTier,
    reportedModel: endpoint.servedBy.model,
    spilledFrom,
    upstreamRequestId: null,
    timing: { queueMs: 0.5, firstByteMs: 200, upstreamMs: 1000, totalMs: 1200 },
    cost: generatedCost({ endpoint, units, serviceTier, spilledFrom }),
  };
  return record;
}

function attemptsOf(dice: Dice, index: number): readonly UsageRecord[] {
  const request: Request = {
    requestId: `request-${String(index).padStart(6, '0')}`,
    at: admission(dice),
    caller: { ...dice.oneOf(callers), endUser: dice.oneOf([null, null, 'f00d', 'cafe']) },
    operation: dice.oneOf(metered),
  };
  const count = dice.oneIn(6) ? 2 + dice.upTo(2) : 1;
  return Array.from({ length: count }, (_one, at) => {
    const ending = dice.oneOf(at + 1 === count ? lastEndings : earlierEndings);
    return attempt(dice, request, { attempt: at + 1, ending });
  });
}

/** As the ledger adds them up. */
const linesOf = (record: UsageRecord): readonly LedgerLine[] => parseLedgerLines(storedRecord(record).lines) ?? [];

const negated = (line: LedgerLine): LedgerLine => ({ ...line, units: -line.units, nanoUsd: -line.nanoUsd });

/** The calls get another price: what was charged is taken back, and charged anew. */
function repriced(record: UsageRecord, dice: Dice): Adjustment {
  const rise = BigInt(dice.upTo(50_000) - 20_000);
  const old = linesOf(record).filter((line) => (line.standing & lineStanding.cost) !== 0 && line.priceId !== '');
  const [first] = old;
  const change = first === undefined ? 0n : rise;
  const lines =
    first === undefined ? [] : [negated(first), { ...first, priceId: 'corrected', nanoUsd: first.nanoUsd + rise }];
  const ofList = lines.some((one) => one.layer === 'list' && (one.standing & lineStanding.layer) !== 0) ? change : 0n;
  return {
    id: `correction-of-${record.id}`,
    kind: 'correction',
    at: record.at,
    bookedAt: generatedPeriod.to + hourMs,
    of: { at: record.at, id: record.id },
    postings: [{ ...posting(record, { cost: change, listCost: ofList }), lines }],
    qualifies: null,
    detail: '{"why":"the contract says so"}',
  };
}

/** What had no price gets one; what it costs at internal rates stays. */
function pricedAtLast(record: UsageRecord, dice: Dice): Adjustment {
  const nanoUsd = BigInt(1 + dice.upTo(900_000));
  const standing = lineStanding.cost | lineStanding.layer;
  const paid: LedgerLine = { layer: 'contracted', meter: 'output', units: 1, priceId: 'late', nanoUsd, standing };
  const lines = linesOf(record);
  const kept = lines
    .filter((one) => one.layer === 'internal')
    .map((one) => ({ ...one, standing: one.standing & ~lineStanding.unpriced }));
  return {
    id: `price-of-${record.id}`,
    kind: 'correction',
    at: record.at,
    bookedAt: generatedPeriod.to + 2 * hourMs,
    of: { at: record.at, id: record.id },
    postings: [
      {
        ...posting(record, { cost: nanoUsd, pricedAttempts: 1 }),
        lines: [...lines.map(negated), ...kept, paid],
      },
    ],
    qualifies: shippedRecord(record).qualifies & ~requestBits.unpriced,
    detail: '{"why":"the price was missing"}',
  };
}

function writtenOff(record: UsageRecord): Adjustment {
  return {
    id: `write-off-of-${record.id}`,
    kind: 'write-off',
    at: record.at,
    bookedAt: record.at + 7 * hourMs,
    of: { at: record.at, id: record.id },
    postings: [posting(record, { held: -(record.reservedNano ?? 0n) })],
    qualifies: null,
    detail: '{"who":"finance"}',
  };
}

/** An hour of a provisioned deployment: shared out among those who used it, the rest is idle. */
function allocation(hour: number, record: UsageRecord, dice: Dice): Adjustment {
  const at = generatedPeriod.from + hour * hourMs;
  const seconds = dice.upTo(3600);
  const part = (outcome: 'allocated' | 'idle', units: number): Posting => {
    const nanoUsd = BigInt(units) * 277_777n;
    const standing = lineStanding.cost | lineStanding.layer;
    const line: LedgerLine = { layer: 'list', meter: 'ptu', units, priceId: 'list/ptu', nanoUsd, standing };
    const base = posting(record, { cost: nanoUsd, listCost: nanoUsd });
    const series = outcome === 'idle' ? { ...base.series, operation: 'none' as const } : base.series;
    return { ...base, series, outcome, lines: [line] };
  };
  return {
    id: `allocation-${String(hour).padStart(4, '0')}`,
    kind: 'allocation',
    at,
    bookedAt: at + hourMs,
    of: null,
    postings: [part('allocated', seconds), part('idle', 3600 - seconds)],
    qualifies: null,
    detail: '{"rule":"by-use"}',
  };
}

function adjustmentsOf(records: readonly UsageRecord[], dice: Dice): readonly Adjustment[] {
  const ofRecords = records.flatMap((record): readonly Adjustment[] => {
    const { cost, measuredInput, measuredOutput, reservedNano } = record;
    const isUnknown = measuredInput === 'unknown' || measuredOutput === 'unknown';
    if (isUnknown && reservedNano !== null && dice.oneIn(4)) return [writtenOff(record)];
    if (cost.nanoUsd === null && !isUnknown && dice.oneIn(3)) return [pricedAtLast(record, dice)];
    return cost.nanoUsd !== null && dice.oneIn(9) ? [repriced(record, dice)] : [];
  });
  const served = records.filter((one) => one.cost.pricing === 'ptu');
  const hours = served.length === 0 ? [] : [0, 1, 2, 300, 301, 719, 720];
  return [...ofRecords, ...hours.map((hour) => allocation(hour, dice.oneOf(served), dice))];
}

/** The same month for the same seed. `requests`: how many calls; with 600 everything that can happen does. */
export function generatedMonth(options: { readonly seed?: number; readonly requests?: number } = {}): GeneratedMonth {
  const { seed = 20_261_101, requests = 600 } = options;
  const dice = new Dice(seed);
  const records = Array.from({ length: requests }, (_one, index) => attemptsOf(dice, index)).flat();
  const adjustments = adjustmentsOf(records, dice);
  const entries: ShippedEntry[] = [
    ...adjustments.slice(0, 20).map((adjustment) => ({ kind: 'adjustment' as const, adjustment })),
    ...records.map(shippedRecord),
    ...adjustments.slice(20).map((adjustment) => ({ kind: 'adjustment' as const, adjustment })),
  ];
  return { records, adjustments, entries };
}

const isUsed = (value: Units[keyof Units]): boolean =>
  typeof value === 'number' ? value > 0 : value !== null && Object.values(value).some((one) => one > 0);

/** What a month has to hold to be worth its name; empty where it holds all of it. */
export function lacking({ records, adjustments }: GeneratedMonth): readonly string[] {
  const inMonth = records.filter((one) => one.at >= generatedPeriod.from && one.at < generatedPeriod.to);
  const has = (what: string, test: (record: UsageRecord) => boolean): readonly string[] =>
    inMonth.some(test) ? [] : [what];
  const units = Object.keys(unknownUnits) as (keyof Units)[];
  const measured: readonly Measured[] = ['reported', 'delivered', 'tokenized', 'estimated', 'none', 'unknown'];
  return [
    ...Object.keys(outcomes).flatMap((outcome) => has(outcome, (one) => one.outcome === outcome)),
    ...units.flatMap((unit) => has(unit, (one) => isUsed(one.units[unit]))),
    ...measured.flatMap((kind) => has(kind, (one) => one.measuredInput === kind || one.measuredOutput === kind)),
    ...metered.flatMap((operation) => has(operation, (one) => one.operation === operation)),
    ...tiers.flatMap((tier) => has(`tier ${tier}`, (one) => one.serviceTier === tier)),
    ...has('priced by contract and by list', (one) => new Set(one.cost.lines.map(({ layer }) => layer)).size === 3),
    ...has('priced by contract alone', ({ cost }) => cost.nanoUsd !== null && cost.listNanoUsd === null),
    ...has(
      'priced by list alone',
      ({ cost }) => cost.nanoUsd !== null && cost.lines.every((one) => one.layer === 'list'),
    ),
    ...has('a part without an internal rate', ({ cost }) => cost.internalNanoUsd === null && cost.nanoUsd !== null),
    ...has('a missing price', ({ cost }) => cost.nanoUsd === null && cost.unpriced.includes('output')),
    ...has('usage unknown', ({ cost }) => cost.unpriced.includes('usage unknown')),
    ...has('paid by the hour', (one) => one.cost.pricing === 'ptu'),
    ...has('spilled over', (one) => one.spilledFrom !== null && one.cost.pricing === 'token'),
    ...has('a second attempt', (one) => one.attempt === 2),
    ...has('a retry of unknown usage', (one) => one.attempt > 1 && one.measuredOutput === 'unknown'),
    ...(['correction', 'allocation', 'write-off'] as const).filter(
      (kind) => !adjustments.some((one) => one.kind === kind),
    ),
    ...(records.length === inMonth.length ? ['calls outside the month'] : []),
    ...(adjustments.some((one) => one.qualifies !== null) ? [] : ['a price that came late']),
  ];
}
