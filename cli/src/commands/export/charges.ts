import type { Command } from 'commander';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { queryOf, withQuestion, type QuestionOptions } from './question.ts';
import { saveExport, withSave, type SaveOptions } from './save.ts';

type ChargeOptions = QuestionOptions & SaveOptions;

function addCharges(parent: Command, context: Context, kind: 'csv' | 'json'): void {
  const titled = { csv: 'CSV, for a spreadsheet', json: 'JSON, for programs; amounts in 10^-9 USD' }[kind];
  const command = parent
    .command(kind)
    .description(`Every charge, a row for each day, meter and price: ${titled}.`)
    .action(async (options: ChargeOptions) => {
      await saveExport(context, options, {
        kind,
        query: queryOf(options, context.clock.now()),
        waitSeconds: options.wait,
      });
    });
  withExamples(withSave(withQuestion(command)), [
    { line: `export ${kind} --month 2026-11 --out charges-2026-11.${kind}`, says: 'the whole organisation' },
    {
      line: `export ${kind} --month 2026-11 --filter consumer=web-shop --filter model=gpt-5.4-mini`,
      says: 'one team, one model, to standard output',
    },
  ]);
}

export function addExportCsv(parent: Command, context: Context): void {
  addCharges(parent, context, 'csv');
}

export function addExportJson(parent: Command, context: Context): void {
  addCharges(parent, context, 'json');
}
