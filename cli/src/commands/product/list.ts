import type { Command } from 'commander';
import { productListSchema, type Product } from '@tollgate/contract/admin-api/subscriptions.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { grouped } from '#output/money.ts';
import { listing, type Column } from '#output/table.ts';

const cap = (title: string, name: keyof Product['caps']): Column<Product> => ({
  title,
  name,
  align: 'right',
  value: (one) => one.caps[name],
  text: (one) => (one.caps[name] === null ? 'no cap' : grouped(one.caps[name])),
});

const columns: readonly Column<Product>[] = [
  { title: 'product', name: 'name', value: (one) => one.name },
  { title: 'models', name: 'models', value: (one) => one.models.join(' ') },
  cap('output tokens', 'maxOutputTokens'),
  cap('choices', 'maxChoices'),
  cap('body bytes', 'maxRequestBytes'),
  { title: 'unpriced calls', name: 'unpriced', value: (one) => one.unpriced },
  { title: 'declared in', name: 'declaredIn', value: (one) => one.declaredIn },
];

export function addProductList(parent: Command, context: Context): void {
  const command = parent
    .command('list')
    .description('List the products: which models a subscription may use, and the caps of one call.')
    .action(async (options: FormatOptions) => {
      const { value, raw } = await adminClient(context.settings).ask({ path: 'products', schema: productListSchema });
      context.out.write(
        listing(context.out, {
          format: formatOf(options),
          json: raw,
          rows: value.products,
          columns,
          empty: 'There is no product yet. Create one: npx --no tollgate product create --help',
        }),
      );
    });
  withExamples(withFormat(command), [{ line: 'product list', says: 'a table' }]);
}
