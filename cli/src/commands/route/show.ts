import type { Command } from 'commander';
import { routeTraceSchema, type RouteTrace } from '@tollgate/contract/admin-api/routing.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { CommandFailure, exitCodes } from '#failure.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { listing, type Column } from '#output/table.ts';

/** One endpoint at one choice. */
interface Line {
  readonly choice: number;
  readonly step: RouteTrace['steps'][number];
  readonly candidate: RouteTrace['steps'][number]['candidates'][number];
}

/** What came of the attempt, on the line of the endpoint that was taken. */
const attemptOf = ({ step, candidate }: Line) => (candidate.endpoint === step.taken ? step.attempt : null);

/** A hedge that was not made says why. */
function takenAs({ candidate, step }: Line): string {
  return candidate.passed ?? step.unmade ?? (step.hedge ? 'hedge' : 'taken');
}

const columns: readonly Column<Line>[] = [
  { title: 'choice', name: 'choice', align: 'right', value: (one) => one.choice },
  { title: 'at, ms', name: 'atMs', align: 'right', value: (one) => one.step.atMs },
  {
    title: 'then waited, ms',
    name: 'waitedMs',
    align: 'right',
    value: (one) => one.step.waited?.ms ?? null,
    text: (one) => String(one.step.waited?.ms ?? ''),
  },
  {
    title: 'until',
    name: 'waitEnded',
    value: (one) => one.step.waited?.how ?? null,
    text: (one) => one.step.waited?.how ?? '',
  },
  { title: 'model', name: 'model', value: (one) => one.step.model },
  { title: 'tier', name: 'tier', align: 'right', value: (one) => one.candidate.tier },
  { title: 'endpoint', name: 'endpoint', value: (one) => one.candidate.endpoint },
  { title: 'taken', name: 'passed', value: takenAs },
  {
    title: 'outcome',
    name: 'outcome',
    value: (one) => attemptOf(one)?.outcome ?? null,
    text: (one) => attemptOf(one)?.outcome ?? '',
  },
  {
    title: 'why',
    name: 'fault',
    value: (one) => attemptOf(one)?.fault ?? null,
    text: (one) => attemptOf(one)?.fault ?? '',
  },
  {
    title: 'status',
    name: 'status',
    align: 'right',
    value: (one) => attemptOf(one)?.status ?? null,
    text: (one) => String(attemptOf(one)?.status ?? ''),
  },
  {
    title: 'first byte, ms',
    name: 'firstByteMs',
    align: 'right',
    value: (one) => attemptOf(one)?.firstByteMs ?? null,
    text: (one) => String(attemptOf(one)?.firstByteMs ?? ''),
  },
  {
    title: 'in all, ms',
    name: 'upstreamMs',
    align: 'right',
    value: (one) => attemptOf(one)?.upstreamMs ?? null,
    text: (one) => String(attemptOf(one)?.upstreamMs ?? ''),
  },
  {
    title: 'attempt',
    name: 'attempt',
    value: (one) => attemptOf(one)?.id ?? null,
    text: (one) => attemptOf(one)?.id ?? '',
  },
];

function checkedId(text: string): string {
  if (/^[\w-]{1,128}$/.test(text)) return text;
  throw new CommandFailure(`'${text}' is no request id: it stands in the reply's header x-request-id.`, {
    exitCode: exitCodes.usage,
  });
}

export function addRouteShow(parent: Command, context: Context): void {
  const command = parent
    .command('show')
    .description('Show how one request was routed: which endpoints were considered, tried and passed over, and why.')
    .argument('<request-id>', "as in the reply's header x-request-id")
    .action(async (id: string, options: FormatOptions) => {
      const { value, raw } = await adminClient(context.settings).ask({
        path: `routes/requests/${checkedId(id)}`,
        schema: routeTraceSchema,
      });
      const format = formatOf(options);
      if (format === 'table')
        context.out.write(`${value.requestId}: ${value.model} for ${value.subscription}, ${value.receivedAt}\n`);
      const rows = value.steps.flatMap((step, at) =>
        step.candidates.map((candidate) => ({ choice: at + 1, step, candidate })),
      );
      context.out.write(
        listing(context.out, { format, json: raw, rows, columns, empty: 'It never came to a choice of an endpoint.' }),
      );
    });
  withExamples(withFormat(command), [{ line: 'route show 01JNK3…', says: 'for as long as the gateway remembers it' }]);
}
