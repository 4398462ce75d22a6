import type { Command } from 'commander';
import { subscriptionSchema } from '@tollgate/contract/admin-api/subscriptions.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { checkedName } from '#names.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { listing } from '#output/table.ts';
import { subscriptionColumns } from './shared.ts';

export function addSubscriptionShow(parent: Command, context: Context): void {
  const command = parent
    .command('show')
    .description('Show one subscription.')
    .argument('<name>', 'the subscription')
    .action(async (name: string, options: FormatOptions) => {
      const { value, raw } = await adminClient(context.settings).ask({
        path: `subscriptions/${checkedName(name)}`,
        schema: subscriptionSchema,
      });
      context.out.write(
        listing(context.out, { format: formatOf(options), json: raw, rows: [value], columns: subscriptionColumns }),
      );
    });
  withExamples(withFormat(command), [{ line: 'subscription show marketing-web', says: 'its product, team and state' }]);
}
