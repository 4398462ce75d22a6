import { Argument, type Command } from 'commander';
import { keySlots, type KeySlot } from '@tollgate/contract/admin-api/subscriptions.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { checkedName } from '#names.ts';
import { printNewKeys, regenerateKey } from './shared.ts';

export function addSubscriptionRegenerate(parent: Command, context: Context): void {
  const command = parent
    .command('regenerate')
    .description('Make a new primary or secondary key; the old one stops working at once.')
    .argument('<name>', 'the subscription')
    .addArgument(new Argument('<key>', 'which of the two').choices(keySlots))
    .option('--json', 'print JSON')
    .action(async (name: string, slot: KeySlot, options: { readonly json?: boolean }) => {
      const reply = await regenerateKey(adminClient(context.settings), checkedName(name), slot);
      printNewKeys(context, reply, options.json === true);
    });
  withExamples(command, [
    { line: 'subscription regenerate marketing-web secondary', says: 'then move the clients to it' },
    { line: 'subscription regenerate marketing-web primary', says: 'and the old key is gone' },
  ]);
}
