import type { Command } from 'commander';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { exitCodes } from '#failure.ts';
import { prettyJson } from '#output/json.ts';
import { checkFindings, checkFocusFile } from './check-file.ts';

export function addExportCheck(parent: Command, context: Context): void {
  const command = parent
    .command('check')
    .description('Whether a FOCUS file keeps the rules of FOCUS 1.4, row by row; needs no gateway.')
    .argument('<file>', 'a CSV file, of whoever made it')
    .option('--json', 'what was found, as JSON')
    .action(async (file: string, { json }: { readonly json?: boolean }) => {
      const found = await checkFocusFile(file);
      context.out.write(json === true ? prettyJson({ file, ...found }) : checkFindings(file, found));
      if (found.problemCount > 0) context.exitCode = exitCodes.failed;
    });
  withExamples(command, [{ line: 'export check focus-2026-11.csv', says: 'exit status 1 where a rule is broken' }]);
}
