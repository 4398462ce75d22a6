import type { Command } from 'commander';
import { configReloadSchema } from '@tollgate/contract/admin-api/operations.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import { exitCodes } from '#failure.ts';
import type { Context } from '#context.ts';
import { prettyJson } from '#output/json.ts';

export function addConfigReload(parent: Command, context: Context): void {
  const command = parent
    .command('reload')
    .description(
      'Read the configuration again: the file, or the store of App Configuration, and secrets of Key Vault. A bad one is refused, and the old one stays in force.',
    )
    .option('--json', 'print JSON')
    .action(async (options: { readonly json?: boolean }) => {
      const { value, raw } = await adminClient(context.settings).ask({
        path: 'config/reload',
        schema: configReloadSchema,
        method: 'POST',
      });
      if (!value.ok) context.exitCode = exitCodes.failed;
      if (options.json === true) {
        context.out.write(prettyJson(raw));
        return;
      }
      const verdict = value.ok
        ? 'The configuration is in force.'
        : 'It was refused; the old configuration stays in force:';
      context.out.write(`${verdict}\n${value.problems.map((line) => `  ${line}\n`).join('')}`);
    });
  withExamples(command, [{ line: 'config reload', says: 'exit status 1 where it is refused' }]);
}
