import type { UsageReport } from '@tollgate/contract/usage.ts';
import type { Terminal } from '#context.ts';
import { grouped } from '#output/money.ts';
import { styled } from '#output/style.ts';
import { table, type Column } from '#output/table.ts';
import { legend, tableColumns } from '../usage/columns.ts';
import { linesOf, totalLine } from '../usage/lines.ts';
import type { Measured, Verdict } from './compare.ts';

/** One part of the sample traffic: what was sent, what both records say of it, and whether they agree. */
export interface Result extends Measured, Verdict {
  readonly team: string;
  readonly calls: number;
  /** Why calls failed that should not have, each in words. */
  readonly failures: readonly string[];
}

export const endings = {
  received: 'received whole',
  cancelled: 'broken off, cancelled',
  drained: 'broken off, drained',
} as const;

export function isRight(results: readonly Result[]): boolean {
  return results.every((one) => one.ok && one.failures.length === 0);
}

const figure = (title: string, pick: (result: Result) => number): Column<Result> => ({
  title,
  name: title,
  align: 'right',
  value: pick,
  text: (result) => grouped(pick(result)),
});

const comparedColumns: readonly Column<Result>[] = [
  { title: 'team', name: 'team', value: (one) => one.team },
  { title: 'replies', name: 'ending', value: (one) => endings[one.ending] },
  figure('calls', (one) => one.calls),
  figure('input', (one) => one.ledger.inputTokens),
  figure('cached', (one) => one.ledger.cachedInputTokens),
  figure('output', (one) => one.ledger.outputTokens),
  figure('reasoning', (one) => one.ledger.reasoningTokens),
  { title: "the ledger and the twin's own record", name: 'verdict', value: (one) => one.says },
];

export function billText(out: Terminal, report: UsageReport): string {
  const rows = linesOf(report);
  const total = totalLine(report);
  const columns = tableColumns({ ...report, called: 'team' }, [...rows, total]);
  const body = table(out, { columns, rows, total, empty: 'Nothing was used.' });
  return `\n${styled(out, 'bold', 'The bill')}\n\n${body}\n${legend(report.total)}`;
}

function failureText(results: readonly Result[]): string {
  const lines = results.flatMap((one) => one.failures.map((why) => `  ${one.team}: ${why}\n`));
  return lines.length === 0 ? '' : `\n${lines.length} calls failed:\n${lines.join('')}`;
}

export function comparisonText(out: Terminal, results: readonly Result[]): string {
  const question = styled(out, 'bold', 'Is it right?');
  const verdict = results.every((one) => one.ok)
    ? styled(out, 'green', 'Every token is accounted for.')
    : styled(out, 'red', 'The ledger and the twin disagree. Was something else calling meanwhile?');
  return (
    `\n${question} The twin keeps a record of its own of every token that it generated.\n\n` +
    `${table(out, { columns: comparedColumns, rows: results })}${failureText(results)}\n${verdict}\n`
  );
}
