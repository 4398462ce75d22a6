import type { Command } from 'commander';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { checkedName } from '#names.ts';
import { setState } from './shared.ts';
import { prettyJson } from '#output/json.ts';

const verbs = {
  suspend: {
    description: 'Suspend a subscription: both its keys are refused (403) until it is activated again.',
    done: 'is suspended: both its keys are refused.',
    example: 'no call passes from the next one on',
  },
  activate: {
    description: 'Activate a suspended subscription again.',
    done: 'is active.',
    example: 'its keys work again',
  },
} as const;

function addVerb(parent: Command, context: Context, verb: keyof typeof verbs): void {
  const { description, done, example } = verbs[verb];
  const command = parent
    .command(verb)
    .description(description)
    .argument('<name>', 'the subscription')
    .option('--json', 'print JSON')
    .action(async (name: string, options: { readonly json?: boolean }) => {
      const { value, raw } = await setState(adminClient(context.settings), checkedName(name), verb);
      context.out.write(options.json === true ? prettyJson(raw) : `${value.name} ${done}\n`);
    });
  withExamples(command, [{ line: `subscription ${verb} marketing-web`, says: example }]);
}

export function addSubscriptionSuspend(parent: Command, context: Context): void {
  addVerb(parent, context, 'suspend');
}

export function addSubscriptionActivate(parent: Command, context: Context): void {
  addVerb(parent, context, 'activate');
}
