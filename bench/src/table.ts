import { readFileSync, writeFileSync } from 'node:fs';
import type { Spread } from '#measure/statistics.ts';
import type {
  BenchResults,
  ExactnessResult,
  FigureSpreads,
  SoakResult,
  SpeedRow,
  TelemetryCount,
  Workload,
} from '#results.ts';

const beginMark = '<!-- bench: figures begin -->';
const endMark = '<!-- bench: figures end -->';

interface Column {
  readonly title: string;
  readonly cell: (row: SpeedRow, results: BenchResults) => string;
}

const names = {
  bare: 'bare proxy (node:http + undici)',
  unlimited: 'gateway, no limits or budgets',
  gateway: 'gateway, three limits and two budgets',
  traced: 'the same, every call traced and exported',
} as const;

/** The run's figures as Markdown: median over the rounds, smallest and largest in brackets. */
export function renderTables(results: BenchResults): string {
  return [
    renderConditions(results),
    ...(['unstreamed', 'streamed'] as const).map((workload) => renderSpeed(results, workload)),
    results.ratios.map(renderRatio).join('\n'),
    renderTelemetry(results.telemetry),
    results.soak === null ? '' : renderSoak(results.soak),
    renderExactness(results.exactness),
    results.problems.map((problem) => `- **failed**: ${problem}`).join('\n'),
  ]
    .filter((block) => block !== '')
    .join('\n\n');
}

function renderConditions(results: BenchResults): string {
  const { machine } = results;
  const each = `; ${results.runs} round${results.runs === 1 ? '' : 's'} of each, in turn, after ${results.warmUpMs / 1000} s under load`;
  const rounds = results.speed.length === 0 ? '' : each;
  const pinned =
    machine.notPinned === null
      ? 'upstream and load generator on core 0, the program under test alone on core 1'
      : `**not pinned** (${machine.notPinned})`;
  const quick = results.quick ? ' **A quick run: its figures show that it works, not how fast it is.**' : '';
  return (
    `${results.startedAt.slice(0, 10)}, ${machine.processor}, ${machine.cores} cores, ` +
    `${(machine.memoryBytes / 2 ** 30).toFixed(0)} GiB, ${machine.kernel}, Node ${machine.node}${rounds}; ${pinned}.${quick}`
  );
}

const shared: readonly Column[] = [
  { title: 'core busy', cell: (row) => busyCell(row) },
  { title: 'peak RSS, MB', cell: (row) => cell(row.figures.peakResidentBytes, { scale: 1e-6, digits: 0 }) },
];

const columns: Readonly<Record<Workload, readonly Column[]>> = {
  unstreamed: [
    { title: 'requests/s', cell: (row) => cell(row.figures.requestsPerSecond, { digits: 0 }) },
    { title: 'p50, ms', cell: (row) => cell(row.figures.p50Ms) },
    { title: 'p99, ms', cell: (row) => cell(row.figures.p99Ms) },
    { title: 'CPU µs/request', cell: (row) => cell(row.figures.cpuMicrosPerRequest, { digits: 1 }) },
    ...shared,
  ],
  streamed: [
    { title: 'events/s', cell: (row) => cell(row.figures.eventsPerSecond, { digits: 0 }) },
    { title: 'first byte p50, ms', cell: (row) => cell(row.figures.firstByteP50Ms, { digits: 1 }) },
    { title: 'first byte p99, ms', cell: (row) => cell(row.figures.firstByteP99Ms, { digits: 1 }) },
    { title: 'CPU µs/event', cell: (row) => cell(row.figures.cpuMicrosPerEvent) },
    ...shared,
  ],
};

function renderSpeed(results: BenchResults, workload: Workload): string {
  const rows = results.speed.filter((row) => row.workload === workload);
  if (rows.length === 0) return '';
  const titles = columns[workload].map((column) => column.title);
  const lines = rows.map((row) => {
    const cells = columns[workload].map((column) => column.cell(row, results));
    return `| ${names[row.variant]} | ${cells.join(' | ')} |`;
  });
  const heading = workload === 'unstreamed' ? 'Unstreamed chat' : 'Streamed chat';
  return [
    `**${heading}**\n`,
    `| program | ${titles.join(' | ')} |`,
    `|---|${titles.map(() => '---:|').join('')}`,
    ...lines,
  ].join('\n');
}

function busyCell({ figures, loadLimited }: SpeedRow): string {
  const busy = cell(figures.busy, { scale: 100, digits: 0, unit: ' %' });
  const others =
    figures.othersShare === null || figures.othersShare.median < 0.05
      ? ''
      : `, others ${percent(figures.othersShare.median)}`;
  return `${busy}${loadLimited ? ' load-limited' : ''}${others}`;
}

function cell(
  spread: Spread | null,
  format: { readonly scale?: number; readonly digits?: number; readonly unit?: string } = {},
): string {
  if (spread === null) return 'not measured';
  const { scale = 1, digits = 2, unit = '' } = format;
  const text = (value: number): string =>
    (value * scale).toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${text(spread.median)}${unit} (${text(spread.min)}–${text(spread.max)})`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}

function renderRatio(ratio: BenchResults['ratios'][number]): string {
  const { median, min, max } = ratio.ratio;
  const name = { unlimited: 'Without limits', gateway: 'Governed', traced: 'Governed and traced' }[ratio.variant];
  const over = ratio.over === 'bare' ? 'bare' : 'governed';
  const goal = ratio.goal === null ? '' : `; goal at most ${ratio.goal}: ${median <= ratio.goal ? 'met' : 'not met'}`;
  return (
    `- ${name} over ${over}, CPU per ${ratio.per}: **${median.toFixed(2)}** (${min.toFixed(2)}–${max.toFixed(2)}, ` +
    `paired rounds)${goal}.`
  );
}

/** At full load more spans may come than one connection carries away: then the figure is of fewer. */
function renderTelemetry(counts: BenchResults['telemetry']): string {
  if (counts.length === 0) return '';
  const total = (of: (count: TelemetryCount) => number): string => sum(counts.map(of)).toLocaleString('en-US');
  return (
    `- Telemetry: ${total((one) => one.exported)} spans exported, ${total((one) => one.dropped)} dropped; ` +
    `${total((one) => one.collectorBytes)} bytes at the collector.`
  );
}

function renderExactness(exactness: readonly ExactnessResult[]): string {
  const exact = exactness.filter((result) => result.comparison.exact && result.ledgerProblems.length === 0);
  const against = (upstream: ExactnessResult['against']): ExactnessResult[] =>
    exact.filter((result) => result.against === upstream);
  return [
    ...exactness.filter((result) => !exact.includes(result)).map(renderWrong),
    ...(['static upstream', 'twin'] as const).map((upstream) => renderExact(upstream, against(upstream))),
  ]
    .filter((line) => line !== '')
    .join('\n');
}

/** One line for all runs that agree; the sums are over all of them. */
function renderExact(upstream: ExactnessResult['against'], results: readonly ExactnessResult[]): string {
  if (results.length === 0) return '';
  const compared = results.flatMap((result) => result.comparison.compared);
  const sums = ['inputTokens', 'cachedInputTokens', 'outputTokens', 'reasoningTokens'].map((figure) => {
    const equal = compared.filter((each) => each.rule === 'equal' && each.figure.endsWith(figure));
    const [ledger, told] = [sum(equal.map((each) => each.ledger)), sum(equal.map((each) => each.upstream))];
    return `${figure} ${ledger.toLocaleString('en-US')} = ${told.toLocaleString('en-US')}`;
  });
  const bounds = compared
    .filter((each) => each.rule === 'at-most')
    .map((each) => `; ${each.figure} ${each.ledger} ≤ ${each.upstream} generated`);
  const under = results.length === 1 ? (results[0]?.under ?? '') : `${results.length} rounds, each`;
  return `- Ledger against the ${upstream}, ledger = upstream (${under}): **exact**. ${sums.join('; ')}${bounds.join('')}.`;
}

/** What differs is listed with both figures among the problems of the run. */
function renderWrong(result: ExactnessResult): string {
  const differing = result.comparison.compared.filter((each) => !each.holds).length;
  const problems = differing === 0 ? 'its journal and store differ' : `${differing} figures differ`;
  return `- Ledger against the ${result.against} (${result.under}): **NOT EXACT**, ${problems}.`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function milliseconds(value: number | null): string {
  return value === null ? 'unknown' : `${value.toFixed(2)} ms`;
}

function mega(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function renderSoak(soak: SoakResult): string {
  const rise = soak.bytesPerTenMinutes === null ? 'unknown' : mega(soak.bytesPerTenMinutes);
  return (
    `Soak, ${soak.minutes.toFixed(1)} minutes, ${soak.requests.toLocaleString('en-US')} requests, ` +
    `${soak.events.toLocaleString('en-US')} stream events; plain calls p50 ${milliseconds(soak.p50Ms)}, p99 ` +
    `${milliseconds(soak.p99Ms)}; streams, first byte p99 ${milliseconds(soak.firstByteP99Ms)}. Memory **${soak.verdict}**: ` +
    `resident after ` +
    `warm-up ${mega(soak.startBytes)}, peak ${mega(soak.peakBytes)}, end ${mega(soak.endBytes)}; ${rise} in ten minutes ` +
    `(${soak.criterion}).`
  );
}

/** Median and spread of every figure over the rounds. */
export function spreadsOf(rounds: SpeedRow['rounds'], of: (values: (number | null)[]) => Spread | null): FigureSpreads {
  const figure = (name: keyof FigureSpreads): Spread | null => of(rounds.map((round) => round[name]));
  return {
    requestsPerSecond: figure('requestsPerSecond'),
    eventsPerSecond: figure('eventsPerSecond'),
    p50Ms: figure('p50Ms'),
    p99Ms: figure('p99Ms'),
    firstByteP50Ms: figure('firstByteP50Ms'),
    firstByteP99Ms: figure('firstByteP99Ms'),
    cpuMicrosPerRequest: figure('cpuMicrosPerRequest'),
    cpuMicrosPerEvent: figure('cpuMicrosPerEvent'),
    busy: figure('busy'),
    othersShare: figure('othersShare'),
    peakResidentBytes: figure('peakResidentBytes'),
    driverBusy: figure('driverBusy'),
    heldBackEvents: figure('heldBackEvents'),
    requests: figure('requests'),
    events: figure('events'),
  };
}

/** Puts the tables between the marks of a document. Throws where the marks are missing. */
export function insertTables(document: string, tables: string): string {
  const begin = document.indexOf(beginMark);
  const end = document.indexOf(endMark);
  if (begin < 0 || end < begin) throw new Error(`the document has no place marked ${beginMark} … ${endMark}`);
  return `${document.slice(0, begin + beginMark.length)}\n\n${tables}\n\n${document.slice(end)}`;
}

function main(args: readonly string[]): number {
  const [file, option, document] = args;
  if (file === undefined || (option !== undefined && (option !== '--write' || document === undefined))) {
    process.stderr.write('Usage: node bench/src/table.ts FILE.json [--write docs/performance.md]\n');
    return 2;
  }
  const results: BenchResults = JSON.parse(readFileSync(file, 'utf8'));
  const tables = renderTables(results);
  if (document === undefined) process.stdout.write(`${tables}\n`);
  else writeFileSync(document, insertTables(readFileSync(document, 'utf8'), tables));
  return 0;
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
