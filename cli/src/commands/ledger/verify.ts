import type { Command } from 'commander';
import type { LedgerProblem } from '@tollgate/contract/admin-api/ledger.ts';
import type { LedgerVerification } from '@tollgate/contract/admin-api/operations.ts';
import { withExamples } from '#command-tree.ts';
import { CommandFailure, exitCodes } from '#failure.ts';
import type { Context } from '#context.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { grouped } from '#output/money.ts';
import { styled } from '#output/style.ts';
import { listing, type Column } from '#output/table.ts';
import { rawMember, runLedgerWork } from './work.ts';

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
  const { removed, tornTailBytes } = journal;
  return [
    `journal   ${grouped(journal.opened)} attempts admitted, ${grouped(journal.settled)} settled, ${grouped(journal.open)} open, ` +
      `in ${grouped(journal.segments)} segments, ${grouped(journal.archived)} of them archived\n`,
    removed === null
      ? ''
      : `          retention has removed ${grouped(removed.segments)} segments with ${grouped(removed.records)} records` +
        `${removed.to === null ? '' : `, the last of ${removed.to.slice(0, 10)}`}: they are not compared\n`,
    `store     ${grouped(store.records)} records, ${grouped(store.rollUpAttempts)} attempts in the roll-ups\n`,
    `on the way from journal to store: ${grouped(lag.records)}; in flight: ${grouped(lag.openAttempts)}\n`,
    tornTailBytes === 0
      ? ''
      : `torn tail: ${grouped(tornTailBytes)} bytes (what a killed process leaves; mended by the next start)\n`,
  ].join('');
}

function problemText({ fault, count, what, remedy, where }: LedgerProblem): string {
  // Some faults are counted without a place: roll-ups, bytes.
  const more = where.length === 0 ? 0 : count - where.length;
  return [
    `\n  ${fault}: ${what}\n`,
    `    ${remedy}\n`,
    ...where.map((one) => `    ${one}\n`),
    more > 0 ? `    … and ${grouped(more)} more\n` : '',
  ].join('');
}

export function addLedgerVerify(parent: Command, context: Context): void {
  const command = parent
    .command('verify')
    .description('Compare journal, archives and store: counts, sums, gaps. Exit status 1 when they disagree.')
    .action(async (options: FormatOptions) => {
      const { work, raw } = await runLedgerWork(context, { kind: 'verify' }, 'Comparing journal and store:');
      const value = work.verification;
      if (value === null) throw new CommandFailure('The gateway has verified, and does not say what it found.');
      if (!value.ok) context.exitCode = exitCodes.failed;
      const format = formatOf(options);
      if (format === 'table') context.out.write(`${counts(value)}\n`);
      context.out.write(
        listing(context.out, {
          format,
          json: rawMember(raw, 'verification'),
          rows: value.sums,
          columns,
          empty: 'Nothing is recorded yet.',
        }),
      );
      if (format !== 'table') return;
      const verdict = value.ok
        ? styled(context.out, 'green', 'The journal and the store agree.')
        : styled(context.out, 'red', 'The journal and the store disagree:');
      context.out.write(`\n${verdict}\n${value.problems.map(problemText).join('')}`);
    });
  withExamples(withFormat(command), [
    { line: 'ledger verify', says: 'of the running gateway' },
    { line: 'ledger verify --json', says: 'for a monitor: exit status 0 or 1' },
  ]);
}
