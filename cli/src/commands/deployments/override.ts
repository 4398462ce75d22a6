import { Argument, type Command } from 'commander';
import {
  endpointHealthSchema,
  endpointOverrides,
  type EndpointOverride,
  type OverrideEndpoint,
} from '@tollgate/contract/admin-api/routing.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { parseSeconds } from '#moments.ts';
import { checkedAzureName } from '#names.ts';
import { prettyJson } from '#output/json.ts';

const meanings: Readonly<Record<EndpointOverride, string>> = {
  none: 'what is observed decides again',
  drain: 'nothing new is sent to it; what lives there alone still is',
  'force-open': 'nothing at all is sent to it',
  'force-closed': 'failures do not keep it from being used; a throttle still does',
};

interface Options {
  readonly for?: string;
  readonly json?: boolean;
}

export function addDeploymentsOverride(parent: Command, context: Context): void {
  const command = parent
    .command('override')
    .description('Order how an endpoint is used, whatever is observed of it. Holds until the next order or restart.')
    .argument('<endpoint>', 'its name in the configuration')
    .addArgument(new Argument('<order>', 'none takes an order back').choices(endpointOverrides))
    .option('--for <duration>', 'ends by itself after this, such as 10m')
    .option('--json', 'print JSON')
    .action(async (name: string, order: EndpointOverride, options: Options) => {
      const body: OverrideEndpoint = {
        override: order,
        ...(options.for === undefined ? {} : { forSeconds: parseSeconds(options.for) }),
      };
      const { value, raw } = await adminClient(context.settings).ask({
        path: `deployments/${checkedAzureName(name)}/override`,
        schema: endpointHealthSchema,
        method: 'POST',
        body,
      });
      const long = options.for === undefined ? '' : ` (for ${options.for})`;
      context.out.write(
        options.json === true ? prettyJson(raw) : `${value.name}: ${meanings[value.override]}${long}.\n`,
      );
    });
  withExamples(command, [
    { line: 'deployments override payg-weu drain', says: 'take it out of service gently' },
    { line: 'deployments override payg-weu force-open --for 10m', says: 'and back in by itself' },
    { line: 'deployments override payg-weu none', says: 'back to what is observed' },
  ]);
}
