import type { Command } from 'commander';
import {
  counterListSchema,
  type CounterList,
  type CountingGateway,
  type GatewayAccount,
} from '@tollgate/contract/admin-api/counters.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { listing, type Column } from '#output/table.ts';
import { accountColumns } from './accounts.ts';

type Row = GatewayAccount & Pick<CountingGateway, 'journal' | 'self' | 'heard' | 'silentSeconds'>;

function standing({ self, heard, silentSeconds }: Row): string {
  if (self) return 'this one';
  return heard ? 'there' : `silent for ${silentSeconds} s`;
}

const columns: readonly Column<Row>[] = [
  { title: 'journal', name: 'journal', value: (one) => one.journal },
  { title: 'gateway', name: 'heard', value: (one) => String(one.heard), text: standing },
  ...accountColumns<Row>(),
];

function empty({ shared, gateways }: CounterList): string {
  if (!shared) return 'This gateway counts for itself (counters: memory).';
  return `${gateways.length} gateways count together, and none has anything set aside.`;
}

export function addCountersList(parent: Command, context: Context): void {
  const command = parent
    .command('list')
    .description('List the gateways that count together, and what each may spend of which budget without asking.')
    .action(async (options: FormatOptions) => {
      const { value, raw } = await adminClient(context.settings).ask({ path: 'counters', schema: counterListSchema });
      const rows = value.gateways.flatMap(({ accounts, ...gateway }) =>
        accounts.map((account): Row => ({ ...gateway, ...account })),
      );
      context.out.write(
        listing(context.out, { format: formatOf(options), json: raw, rows, columns, empty: empty(value) }),
      );
    });
  withExamples(withFormat(command), [
    { line: 'counters list', says: 'who is there, who is silent, and what nobody else may spend' },
  ]);
}
