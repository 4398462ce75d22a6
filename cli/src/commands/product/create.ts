import { InvalidArgumentError, Option, type Command } from 'commander';
import { productSchema, type CreateProduct } from '@tollgate/contract/admin-api/subscriptions.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { checkedName } from '#names.ts';
import { prettyJson } from '#output/json.ts';

interface CreateOptions {
  readonly models: readonly string[];
  readonly maxOutputTokens?: number;
  readonly maxChoices?: number;
  readonly maxRequestBytes?: number;
  readonly unpriced?: 'refuse' | 'allow-and-flag';
  readonly json?: boolean;
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('It takes a whole number from 1 on.');
  return value;
}

function bodyOf(name: string, options: CreateOptions): CreateProduct {
  const caps = {
    ...(options.maxOutputTokens === undefined ? {} : { maxOutputTokens: options.maxOutputTokens }),
    ...(options.maxChoices === undefined ? {} : { maxChoices: options.maxChoices }),
    ...(options.maxRequestBytes === undefined ? {} : { maxRequestBytes: options.maxRequestBytes }),
  };
  return {
    name,
    models: [...options.models],
    ...(Object.keys(caps).length === 0 ? {} : { caps }),
    ...(options.unpriced === undefined ? {} : { unpriced: options.unpriced }),
  };
}

export function addProductCreate(parent: Command, context: Context): void {
  const command = parent
    .command('create')
    .description('Create a product. What the configuration file declares stays there; this one lives in the store.')
    .argument('<name>', 'lower-case letters, digits and dashes')
    .requiredOption('--models <names...>', 'models that the configuration declares')
    .addOption(new Option('--max-output-tokens <count>', 'output tokens one call may ask for').argParser(positive))
    .addOption(new Option('--max-choices <count>', 'choices (`n`, `best_of`) of one call').argParser(positive))
    .addOption(new Option('--max-request-bytes <count>', 'bytes of one request body').argParser(positive))
    .addOption(
      new Option('--unpriced <what>', 'calls that a deployment without a price may serve').choices([
        'refuse',
        'allow-and-flag',
      ]),
    )
    .option('--json', 'print JSON')
    .action(async (name: string, options: CreateOptions) => {
      const { value, raw } = await adminClient(context.settings).ask({
        path: 'products',
        schema: productSchema,
        method: 'POST',
        body: bodyOf(checkedName(name), options),
      });
      context.out.write(
        options.json === true ? prettyJson(raw) : `Product ${value.name} may use ${value.models.join(', ')}.\n`,
      );
    });
  withExamples(command, [
    {
      line: 'product create trial --models gpt-5.4-mini --max-output-tokens 500',
      says: 'short answers of one model',
    },
  ]);
}
