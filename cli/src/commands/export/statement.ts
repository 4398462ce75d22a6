import { Option, type Command } from 'commander';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { waitMsOf, waitOption } from '#subject.ts';
import { saveExport, withSave, type SaveOptions } from './save.ts';

interface StatementOptions extends SaveOptions {
  readonly month: string;
  readonly costCentre?: string;
  readonly format: 'html' | 'csv';
  readonly wait: number;
}

export function addExportStatement(parent: Command, context: Context): void {
  const command = parent
    .command('statement')
    .description("A cost centre's charge-back statement of a month: a page to print, or its lines as CSV.")
    .requiredOption('--month <month>', "2026-11: a month of the organisation's time zone")
    .option('--cost-centre <name>', 'whose: it covers all cost centres below; default: the organisation')
    .addOption(new Option('--format <format>', 'the page, or its lines').choices(['html', 'csv']).default('html'))
    .addOption(waitOption())
    .action(async (options: StatementOptions) => {
      const { month, costCentre, format, wait } = options;
      const query = { month, costCentre, format, waitMs: String(waitMsOf({ wait })) };
      await saveExport(context, options, { kind: 'statement', query, waitSeconds: wait });
    });
  withExamples(withSave(command), [
    { line: 'export statement --month 2026-11 --cost-centre marketing --out . --sign', says: 'to send to finance' },
    { line: 'export statement --month 2026-11 --out november.html', says: 'everybody on one page' },
    { line: 'export statement --month 2026-11 --cost-centre marketing --format csv', says: 'its lines alone' },
  ]);
}
