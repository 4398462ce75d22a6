import { hourMs } from '../../src/accounting/adjustments/ptu-basis.ts';
import type { LedgerStore, ShippedEntry } from '../../src/accounting/ledger/ports.ts';
import type { PtuDeployment, PtuPeriod } from '../../src/model/ptu.ts';
import type { UsageRecord } from '../../src/model/usage-record.ts';
import { march, shippedRecord, usageRecord } from './records.ts';

export const ptuServedBy: UsageRecord['servedBy'] = {
  endpoint: 'ptu-weu',
  resource: 'contoso-weu',
  region: 'westeurope',
  deployment: 'mini-ptu',
  deploymentType: 'ProvisionedManaged',
  model: 'gpt-5.4-mini',
  modelVersion: null,
};

export function ptuPeriod(changes: Partial<PtuPeriod> = {}): PtuPeriod {
  return {
    from: march,
    to: null,
    units: 50,
    nanoUsdPerUnitHour: 1_000_000_000n,
    priceId: 'contracted/ptu/ptu-weu/1.00',
    ...changes,
  };
}

/** 50 units at 1 USD from March on, by use, changed where the test says so. */
export function ptuDeployment(changes: Partial<PtuDeployment> = {}): PtuDeployment {
  return {
    servedBy: ptuServedBy,
    periods: [ptuPeriod()],
    listPrices: [],
    rule: 'by-use',
    reserved: [],
    weights: { cachedInput: 0, output: 4000 },
    tokensPerMinute: null,
    ...changes,
  };
}

export interface Call {
  /** Hours after the beginning of March. */
  readonly hour: number;
  readonly consumer: string;
  readonly input: number;
  readonly output?: number;
  readonly spilled?: boolean;
}

const ptuCost = { pricing: 'ptu', lines: [], nanoUsd: 0n, listNanoUsd: 0n, internalNanoUsd: 0n } as const;

/** The record of a call that the deployment served, or, where it spilled over, the one beside it. */
export function ptuCall(id: string, { hour, consumer, input, output = 0, spilled = false }: Call): UsageRecord {
  return usageRecord(id, {
    at: march + Math.floor(hour * hourMs),
    caller: { subscription: `${consumer}-web`, consumer, costCentrePath: `contoso/${consumer}` },
    servedBy: { ...ptuServedBy, ...(spilled ? { deployment: 'mini' } : {}) },
    spilledFrom: spilled ? ptuServedBy.deployment : null,
    units: { input, cachedInput: 0, output, reasoning: 0 },
    ...(spilled ? {} : { cost: ptuCost }),
  });
}

let settles = 0;

/** Ships entries as a journal's outbox would. */
export async function ship(
  store: LedgerStore,
  entries: readonly ShippedEntry[],
  instance = 'journal-1',
): Promise<void> {
  settles += entries.length;
  const position = { segment: 1, offset: settles };
  await store.append(entries, { instance, shipped: position, lowWater: position, settles });
}

export const ptuCalls = (calls: readonly Call[], name = 'call'): readonly ShippedEntry[] =>
  calls.map((call, at) => shippedRecord(ptuCall(`${name}-${at}`, call)));
