import type { Command } from 'commander';
import { subscriptionListSchema } from '@tollgate/contract/admin-api/subscriptions.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { listing } from '#output/table.ts';
import { subscriptionColumns } from './shared.ts';

export function addSubscriptionList(parent: Command, context: Context): void {
  const command = parent
    .command('list')
    .description('List the subscriptions: who may call, with which product, at whose cost.')
    .action(async (options: FormatOptions) => {
      const { value, raw } = await adminClient(context.settings).ask({
        path: 'subscriptions',
        schema: subscriptionListSchema,
      });
      context.out.write(
        listing(context.out, {
          format: formatOf(options),
          json: raw,
          rows: value.subscriptions,
          columns: subscriptionColumns,
          empty: 'There is no subscription yet. Create one: npx --no tollgate subscription create --help',
        }),
      );
    });
  withExamples(withFormat(command), [
    { line: 'subscription list', says: 'a table' },
    { line: 'subscription list --json', says: 'the reply of the admin API' },
  ]);
}
