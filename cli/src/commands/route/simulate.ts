import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { simulationSchema, type Simulation } from '@tollgate/contract/simulation.ts';
import { parseJson } from '#admin/json.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { CommandFailure, exitCodes, systemErrorCode } from '#failure.ts';
import { formatOf, withFormat, type FormatOptions } from '#output/format.ts';
import { listing, type Column } from '#output/table.ts';
import { project } from '#project.ts';
import { plotSimulation } from './plot.ts';

type Row = Simulation['rows'][number];

/** The gateway's own routing runs the script, so that what is simulated is what will route. */
async function run(file: string, context: Context): Promise<{ readonly raw: unknown; readonly value: Simulation }> {
  const child = spawn(process.execPath, [project.simulateMain, file], {
    env: { ...context.environment, NODE_COMPILE_CACHE: project.compileCache },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const words = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    words.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words.err += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code === 1) throw new CommandFailure(`${file} is no script:`, { hints: words.err.trim().split('\n') });
  const raw = parseJson(words.out);
  const parsed = simulationSchema.safeParse(raw);
  if (code === 0 && parsed.success) return { raw, value: parsed.data };
  throw new CommandFailure(`The simulation broke off (status ${code ?? 'killed'}).`, {
    hints: words.err.trim().split('\n'),
  });
}

const clientColumns: readonly Column<Row>[] = [
  {
    title: 'from',
    name: 'fromSeconds',
    align: 'right',
    value: (one) => one.fromMs / 1000,
    text: (one) => (one.fromMs < 0 ? 'total' : `${one.fromMs / 1000} s`),
  },
  ...(['asked', 'served', 'refused', 'throttled', 'failed', 'retried', 'waited', 'waiting', 'hedged'] as const).map(
    (name) => ({
      title: name,
      name,
      align: 'right' as const,
      value: (one: Row) => one.clients[name],
    }),
  ),
];

/** `10/12 throttled`: replies that began, of attempts, and its state where that is not the usual one. */
function endpointText(row: Row, index: number): string {
  const one = row.endpoints[index];
  if (one === undefined) return '';
  return `${one.served}/${one.attempts}${one.state === 'available' ? '' : ` ${one.state}`}`;
}

function columnsOf({ endpoints }: Simulation): readonly Column<Row>[] {
  return [
    ...clientColumns,
    ...endpoints.map((name, index) => ({
      title: name,
      name,
      value: (row: Row) => endpointText(row, index),
    })),
  ];
}

const count = (rows: readonly Row[], of: (row: Row) => number): number => rows.reduce((sum, row) => sum + of(row), 0);

function totalOf({ rows, endpoints }: Simulation): Row | undefined {
  const [first] = rows;
  if (first === undefined) return undefined;
  const { clients } = first;
  return {
    fromMs: -1,
    clients: {
      ...clients,
      asked: count(rows, (row) => row.clients.asked),
      served: count(rows, (row) => row.clients.served),
      refused: count(rows, (row) => row.clients.refused),
      throttled: count(rows, (row) => row.clients.throttled),
      failed: count(rows, (row) => row.clients.failed),
      retried: count(rows, (row) => row.clients.retried),
      waited: count(rows, (row) => row.clients.waited),
      // A state, not a count: what is left at the end.
      waiting: rows.at(-1)?.clients.waiting ?? 0,
      hedged: count(rows, (row) => row.clients.hedged),
    },
    endpoints: endpoints.map((_, index) => ({
      attempts: count(rows, (row) => row.endpoints[index]?.attempts ?? 0),
      served: count(rows, (row) => row.endpoints[index]?.served ?? 0),
      throttled: count(rows, (row) => row.endpoints[index]?.throttled ?? 0),
      failed: count(rows, (row) => row.endpoints[index]?.failed ?? 0),
      state: 'available' as const,
      utilization: null,
    })),
  };
}

function savePlot(file: string, simulation: Simulation): void {
  try {
    writeFileSync(file, plotSimulation(simulation));
  } catch (thrown) {
    throw new CommandFailure(`${file} cannot be written (${systemErrorCode(thrown) ?? 'unknown'}).`, { cause: thrown });
  }
}

interface Options extends FormatOptions {
  readonly plot?: string;
}

export function addRouteSimulate(parent: Command, context: Context): void {
  const command = parent
    .command('simulate')
    .description(
      'Run a script of load and faults over the real balancers, circuits and queues, in simulated time. Calls nothing, needs no gateway.',
    )
    .argument('<script>', 'a YAML file; docs/routing.md says what stands in it')
    .option('--plot <file>', 'write a picture (SVG) of who served what when')
    .action(async (given: string, options: Options) => {
      const file = path.resolve(given);
      if (!existsSync(file)) throw new CommandFailure(`There is no file ${file}.`, { exitCode: exitCodes.usage });
      const { raw, value } = await run(file, context);
      if (options.plot !== undefined) savePlot(options.plot, value);
      const total = totalOf(value);
      context.out.write(
        listing(context.out, {
          format: formatOf(options),
          json: raw,
          rows: value.rows,
          columns: columnsOf(value),
          ...(total === undefined ? {} : { total }),
        }),
      );
      if (options.plot !== undefined) context.err.write(`The plot stands in ${options.plot}.\n`);
    });
  withExamples(withFormat(command), [
    { line: 'route simulate examples/routing/ptu-saturates.yaml', says: 'a row a second' },
    { line: 'route simulate script.yaml --plot routes.svg', says: 'and a picture' },
  ]);
}
