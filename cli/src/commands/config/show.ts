import type { Command } from 'commander';
import { configInForceSchema } from '@tollgate/contract/admin-api/operations.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { styled } from '#output/style.ts';
import { prettyJson } from '#output/json.ts';

export function addConfigShow(parent: Command, context: Context): void {
  const command = parent
    .command('show')
    .description('Show the configuration in force, with every default and secrets masked.')
    .option('--json', 'print the reply of the admin API alone')
    .action(async (options: { readonly json?: boolean }) => {
      const { value, raw } = await adminClient(context.settings).ask({ path: 'config', schema: configInForceSchema });
      if (options.json === true) {
        context.out.write(prettyJson(raw));
        return;
      }
      const { lastReload } = value;
      context.err.write(`from ${value.source}, loaded ${value.loadedAt}\n`);
      if (lastReload !== null && !lastReload.ok) {
        context.err.write(
          `${styled(context.err, 'red', `A later version was refused at ${lastReload.at}; this one stays in force:`)}\n` +
            lastReload.problems.map((line) => `  ${line}\n`).join(''),
        );
      }
      context.out.write(prettyJson(value.config));
    });
  withExamples(command, [
    { line: 'config show', says: 'what the gateway runs with' },
    { line: 'config show --json', says: 'with file, time and the last reload' },
  ]);
}
