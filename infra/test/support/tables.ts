import type { Row, Table } from '../../../tools/kql/run.ts';
import { readInfra } from './snapshot.ts';

const usage = JSON.parse(readInfra('data/usage-table.json'));
const known: Record<string, string[]> = JSON.parse(readInfra('data/known-tables.json'));

/** The columns of the tables that queries may ask. */
export const columnsOf: Readonly<Record<string, readonly string[]>> = {
  ...known,
  [usage.table]: usage.columns.map(({ name }: { name: string }) => name),
};

const start = Date.parse('2026-11-24T00:00:00Z');
const hour = 3_600_000;

/** Numbers that look like chance, the same on every machine. */
function* numbers(): Generator<number> {
  for (let state = 7; ;) {
    state = (state * 48_271) % 2_147_483_647;
    yield state / 2_147_483_647;
  }
}

const statuses: Readonly<Record<string, number | null>> = {
  'refused-by-upstream': 429,
  'upstream-broke': 500,
  'timed-out': null,
};
const failures = ['refused-by-upstream', 'refused-by-upstream', 'client-left', 'timed-out', 'upstream-broke'] as const;

/** What an attempt used and cost: nothing is known of one that failed. */
function usedBy(done: boolean, draw: () => number): Row {
  const input = Math.round(200 + draw() * 2400);
  const output = Math.round(40 + draw() * 700);
  const first = Math.round(180 + draw() * 500);
  const unpriced = done && draw() < 0.01;
  const rest = draw();
  if (!done)
    return {
      InputTokens: null,
      OutputTokens: null,
      TotalTokens: null,
      CostNanoUsd: null,
      Unpriced: '',
      FirstByteMs: null,
      TotalMs: null,
    };
  return {
    InputTokens: input,
    OutputTokens: output,
    TotalTokens: input + output,
    CostNanoUsd: unpriced ? null : input * 750 + output * 4500,
    Unpriced: unpriced ? 'input, output' : '',
    FirstByteMs: first,
    TotalMs: first + Math.round(output * 9 + rest * 900),
  };
}

/** A day of usage records, made up: three consumers, two regions, some throttling, a model without a price. */
export function sampleDay(): Table {
  const chance = numbers();
  const draw = (): number => chance.next().value ?? 0;
  const pick = <T>(items: readonly [T, ...T[]]): T => items[Math.floor(draw() * items.length)] ?? items[0];
  const rows: Row[] = [];
  for (let n = 0; n < 2000; n += 1) {
    const of = n % 24;
    const busy = 0.35 + 0.65 * Math.max(0, Math.sin(((of - 7) / 12) * Math.PI));
    if (draw() > busy) continue;
    const consumer = pick(['marketing', 'marketing', 'marketing', 'finance', 'finance', 'sales']);
    const outcome = draw() < 0.94 ? 'completed' : pick(failures);
    const done = outcome === 'completed';
    rows.push({
      TimeGenerated: start + of * hour + n,
      RecordId: `record-${n}`,
      RequestId: `request-${Math.floor(n / 1.04)}`,
      At: start + of * hour + Math.round(draw() * hour * 0.99),
      CostCentre: `contoso/${consumer}`,
      Consumer: consumer,
      Resource: pick(['oai-swedencentral', 'oai-westeurope']),
      Deployment: pick(['gpt-5.4-mini', 'gpt-5.4-mini', 'gpt-5-mini']),
      DeploymentType: 'GlobalStandard',
      Outcome: outcome,
      HttpStatus: outcome in statuses ? (statuses[outcome] ?? null) : 200,
      MeasuredOutput: done ? 'reported' : pick(['none', 'delivered']),
      ...usedBy(done, draw),
    });
  }
  return { columns: columnsOf[usage.table] ?? [], rows };
}
