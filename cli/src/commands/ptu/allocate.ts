import type { Command } from 'commander';
import { ptuAllocateReplySchema, type PtuAllocateReply } from '@tollgate/contract/admin-api/ptu.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { momentSyntax, parsePeriod, type PeriodOptions } from '#moments.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { grouped, usdFromNano } from '#output/money.ts';
import { listing, type Column } from '#output/table.ts';

interface AllocateOptions extends FormatOptions, PeriodOptions {
  readonly from: string;
  readonly endpoint?: string;
  readonly reason: string;
  readonly dryRun?: boolean;
}

type Row = PtuAllocateReply['rows'][number];

const columns: readonly Column<Row>[] = [
  { title: 'endpoint', name: 'endpoint', value: (row) => row.endpoint },
  ...(['hours', 'changed'] as const).map((name): Column<Row> => ({
    title: name,
    name,
    align: 'right',
    value: (row) => row[name],
    text: (row) => grouped(row[name]),
  })),
  ...(['paidBeforeNanoUsd', 'paidAfterNanoUsd'] as const).map((name): Column<Row> => ({
    title: name === 'paidBeforeNanoUsd' ? 'USD before' : 'USD after',
    name,
    align: 'right',
    value: (row) => row[name],
    text: (row) => usdFromNano(row[name]),
  })),
];

function addRow(rows: Map<string, Row>, row: Row): void {
  const known = rows.get(row.endpoint);
  rows.set(
    row.endpoint,
    known === undefined
      ? row
      : {
          ...known,
          hours: known.hours + row.hours,
          changed: known.changed + row.changed,
          paidBeforeNanoUsd: String(BigInt(known.paidBeforeNanoUsd) + BigInt(row.paidBeforeNanoUsd)),
          paidAfterNanoUsd: String(BigInt(known.paidAfterNanoUsd) + BigInt(row.paidAfterNanoUsd)),
        },
  );
}

/** A hundred hours a call: whoever stops it keeps what was booked, and giving the command again does the rest. */
async function allocate(context: Context, options: AllocateOptions): Promise<void> {
  const admin = adminClient(context.settings);
  const now = context.clock.now();
  const dryRun = options.dryRun === true;
  const { from, to = new Date(now).toISOString() } = parsePeriod(options, now);
  const said = { from, to, endpoint: options.endpoint, reason: options.reason, dryRun };
  const rows = new Map<string, Row>();
  for (let after: string | null | undefined; after !== null;) {
    const { value }: { value: PtuAllocateReply } = await admin.ask({
      path: 'ptu/allocate',
      schema: ptuAllocateReplySchema,
      method: 'POST',
      body: { ...said, after },
      timeoutMs: 120_000,
    });
    for (const row of value.rows) addRow(rows, row);
    after = value.next;
    if (after !== null && rows.size > 0)
      context.err.write(
        `${[...rows.values()].map((row) => `${row.endpoint}: ${grouped(row.hours)} hours`).join(', ')} …\n`,
      );
  }
  const format = formatOf(options);
  context.out.write(
    listing(context.out, {
      format,
      json: { dryRun, rows: [...rows.values()] },
      rows: [...rows.values()],
      columns,
      empty: 'No hour of a provisioned deployment is booked in this period.',
    }),
  );
  if (format === 'table' && dryRun && rows.size > 0) context.out.write('\nNothing was booked: this was a dry run.\n');
}

export function addPtuAllocate(parent: Command, context: Context): void {
  const command = parent
    .command('allocate')
    .description('Share booked hours out anew, by what the configuration says now. The difference is added.')
    .requiredOption('--from <when>', `hours that begin here or later: ${momentSyntax}`)
    .option('--to <when>', 'until here: the same; default: now')
    .option('--endpoint <name>', 'only this deployment')
    .requiredOption('--reason <text>', 'why; it stands in each entry and on the audit trail')
    .option('--dry-run', 'show what would change, and book nothing')
    .action(async (options: AllocateOptions) => await allocate(context, options));
  withExamples(withFormat(command), [
    {
      line: 'ptu allocate --from 2026-11-01 --reason "the hourly price was wrong" --dry-run',
      says: 'what the hours would come to',
    },
  ]);
}
