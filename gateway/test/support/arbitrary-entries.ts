import * as fc from 'fast-check';
import type { Adjustment, ShippedEntry } from '../../src/accounting/ledger/ports.ts';
import type { UsageRecord } from '../../src/model/usage-record.ts';
import { correction, march, posting, shippedRecord, usageRecord } from './records.ts';

export const adjusted = (adjustment: Adjustment): ShippedEntry => ({ kind: 'adjustment', adjustment });

/** Records of few callers, endpoints, requests and quarter-hours, so that they meet in every way. */
export const recordsArbitrary = fc
  .uniqueArray(
    fc.record({
      request: fc.integer({ min: 0, max: 5 }),
      attempt: fc.integer({ min: 1, max: 4 }),
      minutes: fc.integer({ min: 0, max: 3000 }),
      team: fc.constantFrom('marketing', 'finance'),
      deployment: fc.constantFrom('mini', 'large'),
      resource: fc.constantFrom('weu', 'swc'),
      outcome: fc.constantFrom('completed', 'client-left', 'gateway-lost', 'refused-by-upstream'),
      measuredInput: fc.constantFrom('reported', 'estimated', 'unknown'),
      measuredOutput: fc.constantFrom('reported', 'delivered', 'unknown', 'none'),
      input: fc.option(fc.integer({ min: 0, max: 1_000_000 })),
      output: fc.option(fc.integer({ min: 0, max: 1_000_000 })),
      searches: fc.integer({ min: 0, max: 2 }),
      cost: fc.option(fc.bigInt({ min: 0n, max: 2n ** 62n })),
      list: fc.option(fc.bigInt({ min: 0n, max: 2n ** 40n })),
      reserved: fc.option(fc.bigInt({ min: 0n, max: 2n ** 40n })),
      endUser: fc.constantFrom(null, 'f00d', 'cafe'),
      usageUnknown: fc.boolean(),
    }),
    { selector: (one) => `${one.request} ${one.attempt}`, maxLength: 16 },
  )
  .map((all) =>
    all.map((one) =>
      usageRecord(`${one.request}-${one.attempt}`, {
        requestId: `request-${one.request}`,
        attempt: one.attempt,
        at: march + one.minutes * 60_000,
        outcome: one.outcome as UsageRecord['outcome'],
        measuredInput: one.measuredInput as UsageRecord['measuredInput'],
        measuredOutput: one.measuredOutput as UsageRecord['measuredOutput'],
        reservedNano: one.reserved,
        caller: { consumer: one.team, costCentrePath: `contoso/${one.team}`, endUser: one.endUser },
        servedBy: { deployment: one.deployment, resource: one.resource, endpoint: `${one.resource}-${one.deployment}` },
        units: {
          input: one.input,
          output: one.output,
          toolCalls: one.searches === 0 ? {} : { web_search: one.searches },
        },
        cost:
          one.cost === null
            ? { lines: [], nanoUsd: null, listNanoUsd: null, unpriced: [one.usageUnknown ? 'usage unknown' : 'output'] }
            : {
                lines: [
                  {
                    layer: 'list',
                    meter: 'output',
                    units: one.output ?? 0,
                    priceId: one.team,
                    nanoUsd: one.cost / 16n,
                  },
                ],
                nanoUsd: one.cost / 16n,
                listNanoUsd: one.list,
                internalNanoUsd: one.list === null ? null : one.list + 1n,
              },
      }),
    ),
  );

/** The records, and after every third of them, in the order of arrival, a correction of it: sometimes before it. */
export function entriesOf(records: readonly UsageRecord[]): readonly ShippedEntry[] {
  return records.flatMap((record, index): readonly ShippedEntry[] => {
    const shipped = shippedRecord(record);
    if (index % 3 !== 0) return [shipped];
    const change = { cost: BigInt(index) - 4n, listCost: 7n, held: -1n, pricedAttempts: record.attempt - 2 };
    const line = {
      layer: 'list' as const,
      meter: 'output',
      units: index - 3,
      priceId: 'new',
      nanoUsd: -1n,
      standing: 3,
    };
    const booked = correction(record, {
      qualifies: index % 2 === 0 ? shipped.qualifies & ~2 : shipped.qualifies | 2,
      postings: [{ ...posting(record, change), lines: [line] }],
    });
    return record.attempt % 2 === 0 ? [adjusted(booked), shipped] : [shipped, adjusted(booked)];
  });
}
