import type { Command } from 'commander';
import { newKeysSchema } from '@tollgate/contract/admin-api/subscriptions.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { checkedName } from '#names.ts';
import { parseMoment } from '#moments.ts';
import { printNewKeys } from './shared.ts';

interface CreateOptions {
  readonly product: string;
  readonly consumer: string;
  readonly costCentre: string;
  readonly expires?: string;
  readonly json?: boolean;
}

export function addSubscriptionCreate(parent: Command, context: Context): void {
  const command = parent
    .command('create')
    .description('Create a subscription and print its two keys: once, only hashes are stored.')
    .argument('<name>', 'lower-case letters, digits and dashes')
    .requiredOption('--product <name>', 'what it may use, and on which terms')
    .requiredOption('--consumer <name>', 'the team or application that is charged')
    .requiredOption('--cost-centre <name>', 'where the cost rolls up to')
    .option('--expires <when>', 'a date or an RFC 3339 time from which it is refused (default: never)')
    .option('--json', 'print JSON')
    .action(async (name: string, options: CreateOptions) => {
      const reply = await adminClient(context.settings).ask({
        path: 'subscriptions',
        schema: newKeysSchema,
        method: 'POST',
        body: {
          name: checkedName(name),
          product: checkedName(options.product),
          consumer: checkedName(options.consumer),
          costCentre: checkedName(options.costCentre),
          ...(options.expires === undefined ? {} : { expiresAt: parseMoment(options.expires, context.clock.now()) }),
        },
      });
      printNewKeys(context, reply, options.json === true);
    });
  withExamples(command, [
    {
      line: 'subscription create finance-batch --product standard --consumer finance --cost-centre finance',
      says: 'two keys, shown once',
    },
    {
      line: 'subscription create trial --product standard --consumer trial --cost-centre marketing --expires 2027-01-01',
      says: 'refused from 2027 on',
    },
  ]);
}
