import type { Command } from 'commander';
import { routeExplanationSchema, type RouteExplanation } from '@tollgate/contract/admin-api/routing.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { checkedAzureName, checkedName } from '#names.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { listing, type Column } from '#output/table.ts';

type Explained = RouteExplanation['endpoints'][number];

const percent = (share: number | null): string => (share === null ? '' : `${Math.round(share * 1000) / 10} %`);

const columns: readonly Column<Explained>[] = [
  { title: 'tier', name: 'tier', align: 'right', value: (one) => one.tier },
  { title: 'endpoint', name: 'endpoint', value: (one) => one.endpoint },
  { title: 'first call', name: 'share', align: 'right', value: (one) => one.share, text: (one) => percent(one.share) },
  {
    title: 'passed over because',
    name: 'objection',
    value: (one) => one.objection,
    text: (one) => one.objection ?? '',
  },
  { title: 'until', name: 'until', value: (one) => one.until, text: (one) => one.until ?? '' },
  { title: 'balancer', name: 'balancer', value: (one) => one.balancer },
  { title: 'weight', name: 'weight', align: 'right', value: (one) => one.weight },
  { title: 'in flight', name: 'inFlight', align: 'right', value: (one) => one.inFlight },
  { title: 'first byte, ms', name: 'latencyMs', align: 'right', value: (one) => one.latencyMs },
  { title: 'room', name: 'room', align: 'right', value: (one) => one.room, text: (one) => percent(one.room) },
  {
    title: 'in use',
    name: 'utilization',
    align: 'right',
    value: (one) => one.utilization,
    text: (one) => percent(one.utilization),
  },
  {
    title: 'yields at',
    name: 'yieldAt',
    align: 'right',
    value: (one) => one.yieldAt,
    text: (one) => percent(one.yieldAt),
  },
];

/** Whether a call could be sent now; nothing where it could. */
function standstill({ endpoints, waitMs }: RouteExplanation): string {
  if (waitMs !== null) return ` Nothing can be taken now; the first may be tried in ${waitMs / 1000} s.`;
  if (endpoints.some(({ share }) => share > 0)) return '';
  const endsByItself = endpoints.some(({ until }) => until !== null);
  return endsByItself ? ' Nothing can be taken now.' : ' Nothing can be taken now, and it does not end by itself.';
}

function headline(explained: RouteExplanation): string {
  const { model, subscription, product, priority, allowed } = explained;
  const who = `${subscription} (product ${product}, priority ${priority})`;
  if (!allowed) return `${who} may not call ${model}: its product does not include it. If it did:\n`;
  return `A call of ${model} by ${who}, now.${standstill(explained)}\n`;
}

/** Who waits; nothing where nobody does. */
function queueLine({ queue }: RouteExplanation): string {
  if (queue === null || queue.longestMs === null) return '';
  const { interactive, standard, batch, longestMs } = queue;
  const classes = `${interactive} interactive, ${standard} standard, ${batch} batch`;
  return `${interactive + standard + batch} calls wait for capacity (${classes}), the first for ${longestMs / 1000} s.\n`;
}

/** What serves it where its own model cannot; nothing where that is not allowed. */
function fallbackLine({ fallback, product }: RouteExplanation): string {
  if (fallback.length === 0) return '';
  const models = fallback.map(({ model, takes }) => (takes ? model : `${model} (which could not take it now)`));
  return `Where none of these can take it, ${product} lets it fall back to ${models.join(', then ')}.\n`;
}

interface Options extends FormatOptions {
  readonly model: string;
  readonly as: string;
  readonly stream?: boolean;
}

export function addRouteExplain(parent: Command, context: Context): void {
  const command = parent
    .command('explain')
    .description('Say where a call would go now, and why each endpoint would be taken or passed over. Calls nothing.')
    .requiredOption('--model <model>', 'the name that a client uses')
    .requiredOption('--as <caller>', 'a subscription, or a consumer')
    .option('--stream', 'a streamed call')
    .action(async (options: Options) => {
      const { value, raw } = await adminClient(context.settings).ask({
        path: 'routes/explain',
        schema: routeExplanationSchema,
        query: {
          model: checkedAzureName(options.model),
          as: checkedName(options.as),
          stream: String(options.stream === true),
        },
      });
      const format = formatOf(options);
      if (format === 'table') context.out.write(headline(value) + fallbackLine(value) + queueLine(value));
      context.out.write(listing(context.out, { format, json: raw, rows: value.endpoints, columns }));
    });
  withExamples(withFormat(command), [
    { line: 'route explain --model gpt-5.4-mini --as marketing', says: 'by any subscription of the consumer' },
    { line: 'route explain --model gpt-5.4-mini --as marketing-web --stream --json', says: 'for a program' },
  ]);
}
