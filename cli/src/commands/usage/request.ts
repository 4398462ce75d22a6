import type { Command } from 'commander';
import { usageRequestSchema, type LedgerCostLine, type LedgerRecord } from '@tollgate/contract/admin-api/usage.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context, Terminal } from '#context.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { grouped, usdFromNano } from '#output/money.ts';
import { prettyJson } from '#output/json.ts';
import { styled } from '#output/style.ts';
import { listing, table, type Column } from '#output/table.ts';

const right = 'right';

/** The price lines of an attempt, and those of what was booked about it. */
interface PricedLine extends LedgerCostLine {
  readonly attempt: number;
  readonly booked: string;
}

const lines: readonly Column<PricedLine>[] = [
  { title: 'layer', name: 'layer', value: (line) => line.layer },
  { title: 'meter', name: 'meter', value: (line) => line.meter },
  { title: 'units', name: 'units', align: right, value: (line) => line.units, text: (line) => grouped(line.units) },
  {
    title: 'USD',
    name: 'nanoUsd',
    align: right,
    value: (line) => (line.priceId === null ? null : line.nanoUsd),
    text: (line) => (line.priceId === null ? 'unpriced' : usdFromNano(line.nanoUsd, 9)),
  },
  { title: 'in the cost', name: 'inCost', value: (line) => line.inCost, text: (line) => (line.inCost ? 'yes' : 'no') },
  { title: 'price', name: 'priceId', value: (line) => line.priceId },
];

const csvLines: readonly Column<PricedLine>[] = [
  { title: 'attempt', name: 'attempt', value: (line) => line.attempt },
  { title: 'booked', name: 'booked', value: (line) => line.booked },
  ...lines,
];

function pricedLines(record: LedgerRecord): readonly PricedLine[] {
  const { attempt } = record;
  return [
    ...record.lines.map((line) => ({ ...line, attempt, booked: '' })),
    ...record.adjustments.flatMap(({ id, postings }) =>
      postings.flatMap((posting) => posting.lines.map((line) => ({ ...line, attempt, booked: id }))),
    ),
  ];
}

const known = (value: number | null): string => (value === null ? 'unknown' : grouped(value));
const usd = (nano: string | null): string => (nano === null ? 'unknown' : `${usdFromNano(nano)} USD`);

function unitsText({ units, measuredInput, measuredOutput }: LedgerRecord): string {
  const parts = [
    ['cached', units.cachedInputTokens],
    ['cache write', units.cacheWriteInputTokens],
    ['audio in', units.audioInputTokens],
    ['image in', units.imageInputTokens],
    ['reasoning', units.reasoningTokens],
    ['audio out', units.audioOutputTokens],
    ['seconds', units.seconds],
    ['characters', units.characters],
    ...Object.entries(units.toolCalls),
    ...Object.entries(units.images).map(([image, count]) => [`image ${image}`, count] as const),
  ] as const;
  const others = parts
    .filter(([, count]) => count !== 0 && count !== null)
    .map(([name, count]) => `${name} ${known(count)}`);
  return [
    `input ${known(units.inputTokens)} (${measuredInput})`,
    `output ${known(units.outputTokens)} (${measuredOutput})`,
    ...others,
  ].join(', ');
}

/** Name and value, one a line; what is not there is left out. */
function facts(record: LedgerRecord): readonly (readonly [string, string])[] {
  const { timing } = record;
  const firstByte = timing.firstByteMs === null ? '' : `, first byte after ${timing.firstByteMs} ms`;
  const all: readonly (readonly [string, string | null])[] = [
    ['id', record.id],
    ['admitted', record.at],
    ['settled', record.finishedAt],
    ['charged to', `${record.consumer} (${record.subscription}, ${record.product}), ${record.costCentre}`],
    ['end user', record.endUser],
    ['asked for', `${record.operation}, ${record.requestedModel}${record.stream ? ', streamed' : ''}`],
    [
      'served by',
      `${record.resource}/${record.deployment} (${record.deploymentType}, ${record.region}), ${record.model}`,
    ],
    ['reported', record.reportedModel],
    ['service tier', record.serviceTier],
    ['spilled from', record.spilledFrom],
    ['upstream id', record.upstreamRequestId],
    ['used', unitsText(record)],
    [
      'took',
      timing.totalMs === null ? null : `${timing.totalMs} ms, upstream ${timing.upstreamMs ?? '–'} ms${firstByte}`,
    ],
    ['reserved', record.reservedNanoUsd === null ? null : usd(record.reservedNanoUsd)],
    ['held', record.heldNanoUsd === '0' ? null : usd(record.heldNanoUsd)],
    ['cost', `${usd(record.costNanoUsd)}${record.pricing === 'ptu' ? ' (paid by the hour)' : ''}`],
    ['at list', record.listCostNanoUsd === null ? null : usd(record.listCostNanoUsd)],
    ['internal', record.internalCostNanoUsd === null ? null : usd(record.internalCostNanoUsd)],
    ['unpriced', record.unpriced.length === 0 ? null : record.unpriced.join(', ')],
    ['price book', record.priceBook],
  ];
  return all.flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]));
}

function attemptText(out: Terminal, record: LedgerRecord): string {
  const status = record.httpStatus === null ? '' : `, HTTP ${record.httpStatus}`;
  const head = styled(out, 'bold', `Attempt ${record.attempt}: ${record.outcome}${status}`);
  const body = facts(record).map(([name, value]) => `  ${name.padEnd(12)}  ${value}\n`);
  const booked = record.adjustments.map(
    ({ id, kind, bookedAt, postings }) =>
      `  ${kind}, booked ${bookedAt}: ${postings.map((one) => usdFromNano(one.costNanoUsd)).join(', ')} USD (${id})\n`,
  );
  const rows = pricedLines(record);
  const prices = rows.length === 0 ? '' : `\n${table(out, { columns: lines, rows }).replaceAll(/^(?=.)/gm, '  ')}`;
  return `${head}\n${body.join('')}${booked.join('')}${prices}`;
}

export function addUsageRequest(parent: Command, context: Context): void {
  const command = parent
    .command('request')
    .description('Every attempt of one request: what it used, how that was measured, and each line of what it cost.')
    .argument('<id>', 'the request id, as the client got it in x-request-id and in errors')
    .action(async (id: string, options: FormatOptions) => {
      const { value, raw } = await adminClient(context.settings).ask({
        path: `usage/requests/${encodeURIComponent(id)}`,
        schema: usageRequestSchema,
      });
      const format = formatOf(options);
      if (format === 'json') context.out.write(prettyJson(raw));
      else if (format === 'table')
        context.out.write(value.attempts.map((one) => attemptText(context.out, one)).join('\n'));
      else
        context.out.write(
          listing(context.out, { format, json: raw, rows: value.attempts.flatMap(pricedLines), columns: csvLines }),
        );
    });
  withExamples(withFormat(command), [
    { line: 'usage request 01KAR3VQ6V9M0C1Y2Z3A4B5C6D', says: 'why did this call cost that much?' },
    { line: 'usage request 01KAR3VQ6V9M0C1Y2Z3A4B5C6D --format csv', says: 'its cost lines, for a spreadsheet' },
  ]);
}
