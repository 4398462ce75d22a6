import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Option, type Command } from 'commander';
import {
  priceSyncSchema,
  retailQuerySchema,
  type PriceSync,
  type PriceSyncRequest,
} from '@tollgate/contract/admin-api/prices.ts';
import { adminClient, type AdminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { CommandFailure, exitCodes, systemErrorCode } from '#failure.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { grouped } from '#output/money.ts';
import { listing } from '#output/table.ts';
import { azureRetailPrices, readFromAzure, readFromFiles, type ReadList } from './read-azure.ts';
import { differenceColumns, differenceRows, syncReport } from './sync-report.ts';

interface SyncOptions extends FormatOptions {
  readonly dryRun?: boolean;
  readonly from?: readonly string[];
  readonly api: string;
  readonly output?: string;
}

const syncTimeoutMs = 120_000;

function usd(code: string): string {
  if (code.toUpperCase() === 'USD') return code;
  throw new CommandFailure(`Prices are kept in USD, not in ${code}.`, {
    exitCode: exitCodes.usage,
    hints: ['Microsoft prices Azure in USD; what its list says in other currencies is an estimate.'],
  });
}

function address(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new CommandFailure(`--api takes the address of a price list, not '${text}'.`, { exitCode: exitCodes.usage });
}

async function read(context: Context, client: AdminClient, options: SyncOptions): Promise<ReadList> {
  if (options.from !== undefined) return readFromFiles(options.from);
  const { value: query } = await client.ask({ path: 'prices/query', schema: retailQuerySchema });
  const { err } = context;
  const result = await readFromAzure(context, options.api, {
    query,
    progress(pages, items) {
      const line = `Reading ${new URL(options.api).host}: ${grouped(pages)} pages, ${grouped(items)} prices`;
      if (err.interactive) err.write(`\r${line}`);
    },
  });
  if (err.interactive) err.write('\n');
  else err.write(`Read ${grouped(result.list.read)} prices from ${new URL(options.api).host}.\n`);
  return result;
}

async function sync(context: Context, options: SyncOptions): Promise<void> {
  const client = adminClient(context.settings);
  const now = new Date(context.clock.now()).toISOString();
  const { list, url } = await read(context, client, options);
  const request: PriceSyncRequest = {
    // What goes elsewhere is not put in force here.
    dryRun: options.dryRun === true || options.output !== undefined,
    readAt: now,
    url: url.slice(0, 2000),
    items: list.items(),
  };
  const { value } = await client.ask({
    path: 'prices/sync',
    method: 'POST',
    body: request,
    schema: priceSyncSchema,
    timeoutMs: syncTimeoutMs,
  });
  if (options.output !== undefined && options.dryRun !== true) writeWhole(options.output, value.text);
  print(context, options, { value, today: now.slice(0, 10) });
}

function print(
  context: Context,
  options: SyncOptions,
  { value, today }: { readonly value: PriceSync; readonly today: string },
): void {
  const format = formatOf(options);
  if (format === 'table') context.out.write(syncReport(context.out, value, today));
  else {
    const { text: _text, ...json } = value;
    context.out.write(listing(context.out, { format, json, rows: differenceRows(value), columns: differenceColumns }));
  }
  context.err.write(`${outcomeWords(options, value)}\n`);
}

function outcomeWords(options: SyncOptions, value: PriceSync): string {
  if (value.applied) return `Written to ${value.file} and in force: price book ${value.priceBook}.`;
  if (options.output !== undefined && options.dryRun !== true) {
    return `Written to ${options.output}; nothing is in force before it stands where \`priceFile\` says.`;
  }
  return 'Nothing was written.';
}

/** At once, so that nobody ever reads half of it. */
function writeWhole(file: string, text: string): void {
  const target = path.resolve(file);
  const beside = `${target}.new-${process.pid}`;
  try {
    const handle = openSync(beside, 'w', 0o644);
    try {
      writeFileSync(handle, text);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(beside, target);
  } catch (thrown) {
    rmSync(beside, { force: true });
    throw new CommandFailure(`${file} cannot be written (${systemErrorCode(thrown) ?? 'unknown'}).`, { cause: thrown });
  }
}

export function addPricesSync(parent: Command, context: Context): void {
  const command = parent
    .command('sync')
    .description("Read Azure's price list, show what differs, and put it in force.")
    .option('--dry-run', 'only show what would change')
    .addOption(new Option('--output <file>', 'write the price file here, for review, instead of putting it in force'))
    .addOption(
      new Option('--from <file...>', 'read pages of the list that were saved, instead of asking Azure').conflicts(
        'api',
      ),
    )
    .addOption(new Option('--api <url>', 'where the list is').default(azureRetailPrices).argParser(address))
    .addOption(new Option('--currency <code>', 'USD is the only one').default('USD').argParser(usd))
    .action(async (options: SyncOptions) => await sync(context, options));
  withExamples(withFormat(command), [
    { line: 'prices sync --dry-run', says: 'what would change' },
    { line: 'prices sync', says: 'new prices begin on their own day' },
    { line: 'prices sync --output azure-prices.json', says: 'for a review; see `priceFile`' },
    { line: 'prices sync --api http://127.0.0.1:8090/api/retail/prices', says: 'from the twin' },
  ]);
}
