import type { Command } from 'commander';
import { endpointHealthSchema } from '@tollgate/contract/admin-api/routing.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { checkedAzureName } from '#names.ts';
import { prettyJson } from '#output/json.ts';

export function addDeploymentsReset(parent: Command, context: Context): void {
  const command = parent
    .command('reset')
    .description('Forget what stands against an endpoint: throttled, broken or quarantined, it is used again at once.')
    .argument('<endpoint>', 'its name in the configuration')
    .option('--json', 'print JSON')
    .action(async (name: string, options: { readonly json?: boolean }) => {
      const { value, raw } = await adminClient(context.settings).ask({
        path: `deployments/${checkedAzureName(name)}/reset`,
        schema: endpointHealthSchema,
        method: 'POST',
      });
      context.out.write(options.json === true ? prettyJson(raw) : `${value.name} is ${value.state}.\n`);
    });
  withExamples(command, [{ line: 'deployments reset payg-weu', says: 'its key has been mended' }]);
}
