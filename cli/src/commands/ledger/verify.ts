import type { Command } from 'commander';
import { ledgerVerifySchema, type LedgerVerification } from '@tollgate/contract/admin-api/operations.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import { exitCodes } from '#failure.ts';
import type { Context } from '#context.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { grouped } from '#output/money.ts';
import { styled } from '#output/style.ts';
import { listing, type Column } from '#output/table.ts';

/** Reading a journal of millions of attempts takes its time. */
const timeoutMs = 15 * 60_000;

type Sum = LedgerVerification['sums'][number];

const columns: readonly Column<Sum>[] = [
  { title: 'sum of', name: 'meter', value: (sum) => sum.meter },
  ...(['journal', 'store', 'rollUp'] as const).map((name): Column<Sum> => ({
    title: name === 'rollUp' ? 'roll-ups' : name,
    name,
    align: 'right',
    value: (sum) => sum[name],
    text: (sum) => (/^-?\d+$/.test(sum[name]) ? grouped(BigInt(sum[name])) : sum[name]),
  })),
];

function counts({ journal, store, lag }: LedgerVerification): string {
  return [
    `journal   ${grouped(journal.opened)} attempts admitted, ${grouped(journal.settled)} settled, ${grouped(journal.open)} open, in ${grouped(journal.segments)} segments\n`,
    `store     ${grouped(store.records)} records, ${grouped(store.rollUpAttempts)} attempts in the roll-ups\n`,
    `on the way from journal to store: ${grouped(lag.records)}; in flight: ${grouped(lag.openAttempts)}\n`,
    journal.tornTailBytes === 0
      ? ''
      : `torn tail: ${grouped(journal.tornTailBytes)} bytes (what a killed process leaves; mended by the next start)\n`,
  ].join('');
}

function ids(title: string, list: readonly string[]): string {
  return list.length === 0 ? '' : `  ${title}: ${list.join(' ')}\n`;
}

function problems(found: LedgerVerification): string {
  return [
    ...found.problems.map((line) => `  ${line}\n`),
    ...found.journal.damaged.map(
      ({ segment, offset, bytes }) => `  damaged: ${segment}, ${grouped(bytes)} bytes from ${grouped(offset)} on\n`,
    ),
    ids('missing in the store', found.missingInStore),
    ids('missing in the journal', found.missingInJournal),
    ids('different', found.different),
    ids('settled twice', found.settledTwice),
  ].join('');
}

export function addLedgerVerify(parent: Command, context: Context): void {
  const command = parent
    .command('verify')
    .description('Compare the journal with the store: counts, sums, gaps. Exit status 1 when they disagree.')
    .action(async (options: FormatOptions) => {
      const { value, raw } = await adminClient(context.settings).ask({
        path: 'ledger/verify',
        schema: ledgerVerifySchema,
        method: 'POST',
        timeoutMs,
      });
      if (!value.ok) context.exitCode = exitCodes.failed;
      const format = formatOf(options);
      if (format === 'table') context.out.write(`${counts(value)}\n`);
      context.out.write(
        listing(context.out, { format, json: raw, rows: value.sums, columns, empty: 'Nothing is recorded yet.' }),
      );
      if (format !== 'table') return;
      const verdict = value.ok
        ? styled(context.out, 'green', 'The journal and the store agree.')
        : styled(context.out, 'red', 'The journal and the store disagree:');
      context.out.write(`\n${verdict}\n${value.ok ? '' : problems(value)}`);
    });
  withExamples(withFormat(command), [
    { line: 'ledger verify', says: 'of the running gateway' },
    { line: 'ledger verify --json', says: 'for a monitor: exit status 0 or 1' },
  ]);
}
