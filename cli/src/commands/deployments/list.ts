import type { Command } from 'commander';
import { deploymentListSchema, type EndpointHealth } from '@tollgate/contract/admin-api/routing.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { listing, type Column } from '#output/table.ts';

const columns: readonly Column<EndpointHealth>[] = [
  { title: 'endpoint', name: 'name', value: (one) => one.name },
  { title: 'model', name: 'model', value: (one) => one.model },
  { title: 'deployment', name: 'deployment', value: (one) => one.deployment },
  { title: 'type', name: 'deploymentType', value: (one) => one.deploymentType },
  { title: 'region', name: 'region', value: (one) => one.region },
  { title: 'state', name: 'state', value: (one) => one.state },
  { title: 'until', name: 'until', value: (one) => one.until },
  {
    title: 'order',
    name: 'override',
    value: (one) => one.override,
    text: (one) => (one.override === 'none' ? '' : one.override),
  },
  { title: 'in flight', name: 'inFlight', align: 'right', value: (one) => one.inFlight },
  {
    title: 'in use',
    name: 'utilization',
    align: 'right',
    value: (one) => one.utilization,
    text: (one) => (one.utilization === null ? '' : `${Math.round(one.utilization * 100)} %`),
  },
  { title: 'last error', name: 'lastError', value: (one) => one.lastError },
  { title: 'resource', name: 'resource', value: (one) => one.resource },
];

export function addDeploymentsList(parent: Command, context: Context): void {
  const command = parent
    .command('list')
    .description('List the Azure OpenAI deployments behind the gateway, and how each is doing.')
    .action(async (options: FormatOptions) => {
      const { value, raw } = await adminClient(context.settings).ask({
        path: 'deployments',
        schema: deploymentListSchema,
      });
      context.out.write(
        listing(context.out, {
          format: formatOf(options),
          json: raw,
          rows: value.deployments,
          columns,
          empty: 'The configuration declares no endpoint.',
        }),
      );
    });
  withExamples(withFormat(command), [
    { line: 'deployments list', says: 'available, throttled, broken, quarantined …' },
  ]);
}
