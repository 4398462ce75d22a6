export const exporterNames = ['otlp', 'azure-monitor'] as const;
export type ExporterName = (typeof exporterNames)[number];
export const signals = ['spans', 'metrics'] as const;
export type Signal = (typeof signals)[number];
export type Fate = 'exported' | 'dropped';

const fates: readonly Fate[] = ['exported', 'dropped'];

/** What became of telemetry, in memory that two threads share: the worker that exports counts, the gateway shows. */
export class Tally {
  readonly memory: SharedArrayBuffer;
  readonly #cells: BigInt64Array;

  constructor(memory = new SharedArrayBuffer(8 * exporterNames.length * signals.length * fates.length)) {
    this.memory = memory;
    this.#cells = new BigInt64Array(memory);
  }

  add(of: { readonly exporter: ExporterName; readonly signal: Signal }, fate: Fate, count: number): void {
    if (count > 0) Atomics.add(this.#cells, cellOf(of, fate), BigInt(count));
  }

  get(of: { readonly exporter: ExporterName; readonly signal: Signal }, fate: Fate): number {
    return Number(Atomics.load(this.#cells, cellOf(of, fate)));
  }
}

function cellOf(of: { readonly exporter: ExporterName; readonly signal: Signal }, fate: Fate): number {
  const exporter = exporterNames.indexOf(of.exporter);
  const signal = signals.indexOf(of.signal);
  return (exporter * signals.length + signal) * fates.length + fates.indexOf(fate);
}
