// A month of an organisation, the same on every machine, for the samples in docs/samples/: ordinary calls, and what
// nobody wants to see too: calls broken off, a model without a price, prices that were entered late.
import { parseListPrices } from '../../gateway/src/accounting/cost/list-prices.ts';
import { entriesOf } from '../../gateway/src/accounting/cost/price-row.ts';
import { unitPricesFor } from '../../gateway/src/accounting/cost/unit-prices.ts';
import { createPriceBook, type ListedPriceBook } from '../../gateway/src/accounting/cost/price-book.ts';
import type { PriceEntry } from '../../gateway/src/accounting/cost/price-entry.ts';
import { EntryDecoder } from '../../gateway/src/accounting/ledger/decode-entry.ts';
import { settleText } from '../../gateway/src/accounting/ledger/encode-entry.ts';
import type { Adjustment, ShippedEntry } from '../../gateway/src/accounting/ledger/ports.ts';
import { qualifies } from '../../gateway/src/accounting/ledger/request-counts.ts';
import { defaultHealthRules } from '../../gateway/src/model/health-rules.ts';
import { readShippedData } from '../../gateway/src/config/shipped-data.ts';
import type { ReservedCallers } from '../../gateway/src/accounting/adjustments/ptu-basis.ts';
import type { PtuDeployment } from '../../gateway/src/model/ptu.ts';
import type { Endpoint } from '../../gateway/src/model/endpoint.ts';
import { rerate } from '../../gateway/src/accounting/adjustments/rerate.ts';
import {
  noUnits,
  unknownUnits,
  type ChargedTo,
  type Measured,
  type Outcome,
  type Units,
  type UsageRecord,
} from '../../gateway/src/model/usage-record.ts';

const listPrices = parseListPrices(readShippedData('prices.json'));

export const organisation = 'contoso';
export const timeZone = 'Europe/Amsterdam';

const endpoint = (name: string, values: Partial<Endpoint> & Pick<Endpoint, 'model' | 'deploymentType'>): Endpoint => ({
  name,
  resource: `https://contoso-${name.slice(-3)}.openai.azure.com`,
  resourceName: `contoso-${name.slice(-3)}`,
  region: name.endsWith('swc') ? 'swedencentral' : 'westeurope',
  deployment: name.slice(0, -4),
  modelVersion: null,
  surface: { kind: 'v1' },
  credential: { kind: 'api-key', key: '' },
  health: defaultHealthRules,
  yieldAt: null,
  maxInFlight: null,
  drain: false,
  ...values,
});

const endpoints = {
  mini: endpoint('gpt-54-mini-weu', { model: 'gpt-5.4-mini', deploymentType: 'DataZoneStandard' }),
  large: endpoint('gpt-54-swc', { model: 'gpt-5.4', deploymentType: 'GlobalStandard' }),
  audio: endpoint('gpt-audio-swc', { model: 'gpt-audio-1.5', deploymentType: 'GlobalStandard' }),
  embeddings: endpoint('embeddings-weu', { model: 'text-embedding-3-small', deploymentType: 'Standard' }),
  /** Its versions differ in price, and the configuration names none: unpriced. */
  old: endpoint('gpt-4o-weu', { model: 'gpt-4o', deploymentType: 'GlobalStandard' }),
  ptu: endpoint('gpt-54-mini-ptu-weu', { model: 'gpt-5.4-mini', deploymentType: 'DataZoneProvisionedManaged' }),
} as const;
type Name = keyof typeof endpoints;

function servedByOf(served: Endpoint): UsageRecord['servedBy'] {
  const { name, resourceName, region, deployment, deploymentType, model, modelVersion } = served;
  return { endpoint: name, resource: resourceName, region, deployment, deploymentType, model, modelVersion };
}

/** 15 units at a reservation's price, most of which are kept for two teams. */
export const provisioned: PtuDeployment = {
  servedBy: servedByOf(endpoints.ptu),
  periods: [
    {
      from: Date.parse('2026-10-01T00:00:00Z'),
      to: null,
      units: 15,
      nanoUsdPerUnitHour: 770_000_000n,
      priceId: 'contracted/ptu/gpt-54-mini-ptu-weu/0.77/2026-10-01T00:00:00.000Z',
    },
  ],
  listPrices: unitPricesFor(listPrices, endpoints.ptu),
  rule: 'by-reserved-share',
  reserved: [
    { by: 'consumer', name: 'website-assistant', units: 9 },
    { by: 'consumer', name: 'invoice-reader', units: 4 },
  ],
  weights: { cachedInput: 0, output: 8000 },
  tokensPerMinute: null,
};

interface Team {
  readonly caller: Omit<ChargedTo, 'endUser'>;
  /** Calls a day, by endpoint. */
  readonly calls: Partial<Record<Name, number>>;
}

const team = (consumer: string, costCentrePath: string, calls: Team['calls']): Team => ({
  caller: { subscription: `${consumer}-1`, product: 'standard', consumer, costCentrePath },
  calls,
});

const teams: readonly Team[] = [
  team('website-assistant', 'contoso/marketing', { mini: 9, ptu: 6, old: 1 }),
  team('campaign-writer', 'contoso/marketing/campaigns', { large: 4, mini: 3 }),
  team('call-transcripts', 'contoso/marketing', { audio: 2 }),
  team('invoice-reader', 'contoso/finance', { mini: 5, embeddings: 12, ptu: 3 }),
  team('audit-copilot', 'contoso/finance', { large: 3 }),
];

/** Who pays for units that nobody used. */
export const reservedCallers: ReservedCallers = {
  organisation,
  known: teams.map(({ caller }) => ({ by: 'consumer', name: caller.consumer, caller })),
};

/** What people call the cost centres. */
export const costCentreNames: readonly (readonly [string, string])[] = [
  ['contoso/marketing', 'Marketing & Communications'],
  ['contoso/marketing/campaigns', 'Campaigns'],
  ['contoso/finance', 'Finance'],
];

type ContractPrices = Readonly<Record<'input' | 'cachedInput' | 'output', bigint>>;

const contractOf = (effectiveFrom: string, nanoUsdPerMillion: ContractPrices): readonly PriceEntry[] =>
  entriesOf(
    {
      model: 'gpt-5.4-mini',
      type: 'DataZoneStandard',
      effectiveFrom,
      source: 'Enterprise agreement 4711',
      nanoUsdPerMillion,
    },
    'contracted',
  );

function bookOf(contracts: readonly PriceEntry[]): ListedPriceBook {
  const { entries, zones } = listPrices;
  return createPriceBook({ entries: [...entries, ...contracts], zones, ordinaryMeters: () => ['input', 'output'] });
}

const firstContract = contractOf('2026-07-01', {
  input: 712_500_000n,
  cachedInput: 70_123_300n,
  output: 4_267_500_000n,
});
const lateContract = contractOf('2026-11-01', {
  input: 660_000_000n,
  cachedInput: 66_000_000n,
  output: 3_960_000_000n,
});

/** The shipped list and a contract for one model, before and after its new prices were entered, four days late. */
const bookBefore = bookOf(firstContract);
export const samplePriceBook = bookOf([...firstContract, ...lateContract]);
const enteredAt = Date.parse('2026-11-04T09:00:00Z');

/** Numbers that look drawn, and are always the same. */
class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = seed;
  }
  /** A whole number from 0 to just below the limit. */
  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }
  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }
}

interface Ending {
  readonly outcome: Outcome;
  readonly measuredInput: Measured;
  readonly measuredOutput: Measured;
  /** Whether anything was used. */
  readonly used: boolean;
}

const ordinary: Ending = {
  outcome: 'completed',
  measuredInput: 'reported',
  measuredOutput: 'reported',
  used: true,
};
const rare: readonly Ending[] = [
  { outcome: 'client-left', measuredInput: 'estimated', measuredOutput: 'delivered', used: true },
  { outcome: 'client-left', measuredInput: 'reported', measuredOutput: 'reported', used: true },
  { outcome: 'upstream-broke', measuredInput: 'estimated', measuredOutput: 'delivered', used: true },
  { outcome: 'timed-out', measuredInput: 'tokenized', measuredOutput: 'delivered', used: true },
  { outcome: 'filtered-completion', measuredInput: 'reported', measuredOutput: 'reported', used: true },
  { outcome: 'filtered-prompt', measuredInput: 'unknown', measuredOutput: 'unknown', used: false },
  { outcome: 'refused-by-upstream', measuredInput: 'none', measuredOutput: 'none', used: false },
  { outcome: 'hedge-lost', measuredInput: 'reported', measuredOutput: 'reported', used: true },
  { outcome: 'gateway-lost', measuredInput: 'unknown', measuredOutput: 'unknown', used: false },
];

function unitsOf(name: Name, dice: Dice): Units {
  if (name === 'embeddings') return { ...noUnits, input: 200 + dice.below(4000) };
  const input = 400 + dice.below(dice.oneIn(12) ? 300_000 : 6000);
  const output = 50 + dice.below(1500);
  if (name === 'audio') return { ...noUnits, input, audioInput: Math.floor(input * 0.9), output };
  return {
    ...noUnits,
    input,
    cachedInput: dice.oneIn(3) ? Math.floor(input / 2) : 0,
    output,
    reasoning: dice.below(output),
  };
}

interface Place {
  readonly team: Team;
  readonly name: Name;
  readonly at: number;
  readonly number: number;
}

function recordOf({ team: { caller }, name, at, number }: Place, book: ListedPriceBook, dice: Dice): UsageRecord {
  const served = endpoints[name];
  const ending = dice.oneIn(9) ? (rare[dice.below(rare.length)] ?? ordinary) : ordinary;
  const unknown = ending.measuredInput === 'unknown';
  const used = unitsOf(name, dice);
  const nothing = unknown ? unknownUnits : noUnits;
  const units = ending.used ? used : nothing;
  const serviceTier = name === 'mini' && dice.oneIn(20) ? 'priority' : 'default';
  const spilledFrom = name === 'ptu' && dice.oneIn(8) ? served.deployment : null;
  const id = `sample-${String(number).padStart(6, '0')}`;
  return {
    id,
    requestId: `request-${id}`,
    attempt: 1,
    at,
    caller: { ...caller, endUser: null },
    servedBy: servedByOf(served),
    operation: name === 'embeddings' ? 'embeddings' : 'chat.completions',
    stream: dice.oneIn(2),
    requestedModel: served.model,
    reservedNano: unknown ? 4_250_000n : null,
    priceBook: book.id,
    finishedAt: at + 900,
    outcome: ending.outcome,
    httpStatus: ending.outcome === 'gateway-lost' ? null : 200,
    units,
    measuredInput: ending.measuredInput,
    measuredOutput: ending.measuredOutput,
    serviceTier,
    reportedModel: null,
    spilledFrom,
    upstreamRequestId: null,
    timing: { queueMs: 0, firstByteMs: 300, upstreamMs: 890, totalMs: 900 },
    cost: book.cost({
      endpoint: served,
      product: caller.product,
      units,
      serviceTier,
      reportedModel: null,
      spilledFrom,
      at,
    }),
  };
}

function shipped(record: UsageRecord): Usage {
  const entry = new EntryDecoder().decode(settleText(record));
  if (entry.kind !== 'settle') throw new Error('A settle was decoded as something else.');
  return { kind: 'usage', record: entry.record, qualifies: qualifies(entry.record) };
}

const dayMs = 86_400_000;

type Usage = ShippedEntry & { readonly kind: 'usage' };

/** What the late prices change, as `tollgate ledger rerate` books it. */
function correctionOf({ record }: Usage): Adjustment | undefined {
  const said = { reason: 'Prices of 1 November were entered on 4 November', bookedBy: 'admin' };
  return rerate(record, [], { book: samplePriceBook, said, now: enteredAt })?.adjustment;
}

/** Everything that is shipped of so many days: calls, and corrections of those that came before their price was entered. */
export function sampleMonth(options: { readonly from: number; readonly days: number }): readonly ShippedEntry[] {
  const dice = new Dice(20_261_101);
  const usage: Usage[] = [];
  for (let day = 0; day < options.days; day += 1)
    for (const place of callsOfDay(options.from + day * dayMs, dice)) {
      const book = place.at < enteredAt ? bookBefore : samplePriceBook;
      usage.push(shipped(recordOf({ ...place, number: usage.length }, book, dice)));
    }
  const corrections = usage
    .filter(({ record }) => record.at < enteredAt)
    .flatMap((one) => correctionOf(one) ?? [])
    .map((adjustment) => ({ kind: 'adjustment' as const, adjustment }));
  return [...usage, ...corrections];
}

function* callsOfDay(start: number, dice: Dice): Generator<Omit<Place, 'number'>> {
  const weekend = [0, 6].includes(new Date(start).getUTCDay());
  for (const one of teams)
    for (const [name, calls] of Object.entries(one.calls))
      for (let call = 0; call < (weekend ? Math.ceil(calls / 4) : calls); call += 1)
        if (isName(name)) yield { team: one, name, at: start + dice.below(dayMs) };
}

const isName = (name: string): name is Name => Object.hasOwn(endpoints, name);
