import { Option, type Command } from 'commander';
import { exportProfiles, type ExportProfile } from '@tollgate/contract/admin-api/exports.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { queryOf, withQuestion, type QuestionOptions } from './question.ts';
import { saveExport, withSave, type SaveOptions } from './save.ts';

interface FocusOptions extends QuestionOptions, SaveOptions {
  readonly profile: ExportProfile;
}

export function addExportFocus(parent: Command, context: Context): void {
  const command = parent
    .command('focus')
    .description('A FOCUS 1.4 cost and usage file (CSV), for FinOps tools; tollgate export check checks one.')
    .addOption(
      new Option('--profile <profile>', 'who issues the invoice: Microsoft, or your organisation to its own consumers')
        .choices(exportProfiles)
        .default('provider'),
    )
    .action(async (options: FocusOptions) => {
      const query = { ...queryOf(options, context.clock.now()), profile: options.profile };
      await saveExport(context, options, { kind: 'focus', query, waitSeconds: options.wait });
    });
  withExamples(withSave(withQuestion(command)), [
    { line: 'export focus --month 2026-11 --out focus-2026-11.csv', says: 'the whole organisation' },
    { line: 'export focus --month 2026-11 --cost-centre marketing --out . --sign', says: 'one cost centre, signed' },
    {
      line: 'export focus --from 2026-11-01 --to 2026-11-08 --profile internal-invoice',
      says: 'a week, as you bill it',
    },
  ]);
}
