/**
 * Instruments that cost an addition on the request path: a child for a set of labels is made once and kept, so that
 * nothing is hashed or allocated per observation. Rendered in the Prometheus text exposition format 0.0.4.
 * Each stage declares its own instruments on the one `Metrics` that `compose/` makes.
 */
type Labels = Readonly<Record<string, string>>;

/** Only ever grows. */
export interface Counter {
  add(value: number): void;
}
/** Counts observations by how large they are. */
export interface Histogram {
  /** In the unit that the metric's name ends with (seconds, tokens). */
  observe(value: number): void;
}
/** An instrument with labels. */
export interface Family<Child> {
  /** The child for these label values; keep it where it is used often. */
  with(labels: Labels): Child;
}

/** The value for one set of labels. */
export interface MetricPoint {
  readonly labels: Labels;
  readonly value: number;
}
/** The distribution for one set of labels. */
export interface HistogramPoint {
  readonly labels: Labels;
  /** Observations in each bucket alone; the last number is of what lies above all bounds. */
  readonly counts: readonly number[];
  readonly sum: number;
  readonly count: number;
}
/** What an instrument says now, of everything since the start. */
export type MetricReading = {
  readonly name: string;
  readonly help: string;
  /** UCUM: `s`, `By`, `{token}`; empty for a plain number. */
  readonly unit: string;
} & (
  | { readonly type: 'counter' | 'gauge'; readonly points: readonly MetricPoint[] }
  | { readonly type: 'histogram'; readonly bounds: readonly number[]; readonly points: readonly HistogramPoint[] }
);

const escapeLabel = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

const plain = (name: string): string => name.replaceAll('.', '_');

function labelText(labels: Labels, extra?: string): string {
  const parts = Object.entries(labels).map(([name, value]) => `${plain(name)}="${escapeLabel(value)}"`);
  if (extra !== undefined) parts.push(extra);
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

class CounterChild implements Counter {
  value = 0;
  add(value: number): void {
    this.value += value;
  }
}

class HistogramChild implements Histogram {
  readonly counts: Float64Array;
  sum = 0;
  count = 0;
  readonly bounds: readonly number[];
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length);
  }
  observe(value: number): void {
    this.sum += value;
    this.count += 1;
    for (let at = 0; at < this.bounds.length; at += 1) {
      if (value <= (this.bounds[at] ?? 0)) {
        this.counts[at] = (this.counts[at] ?? 0) + 1;
        return;
      }
    }
  }
  point(labels: Labels): HistogramPoint {
    const counts = [...this.counts];
    counts.push(this.count - counts.reduce((all, one) => all + one, 0));
    return { labels, counts, sum: this.sum, count: this.count };
  }
}

function family<Child>(
  make: () => Child,
): Family<Child> & { readonly children: Map<string, { readonly labels: Labels; readonly child: Child }> } {
  const children = new Map<string, { readonly labels: Labels; readonly child: Child }>();
  return {
    children,
    with(labels) {
      const key = JSON.stringify(labels);
      let entry = children.get(key);
      if (entry === undefined) {
        entry = { labels, child: make() };
        children.set(key, entry);
      }
      return entry.child;
    },
  };
}

/** Seconds: 1 ms to 60 s, for latencies; gateway overhead has its own, finer ones. */
export const latencyBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;

const unitsOfSuffixes: readonly (readonly [suffix: string, unit: string])[] = [
  ['_seconds', 's'],
  ['_bytes', 'By'],
];

/** Names of ours end with their unit; those with dots are OpenTelemetry's, and have it beside them. */
function unitOf(name: string): string {
  return unitsOfSuffixes.find(([suffix]) => name.endsWith(suffix))?.[1] ?? '';
}

/** The name under which Prometheus knows it: `gen_ai.server.request.duration` is `gen_ai_server_request_duration_seconds`. */
function expositionName({ name, unit }: Pick<MetricReading, 'name' | 'unit'>): string {
  if (!name.includes('.')) return name;
  return `${plain(name)}${unitsOfSuffixes.find(([, one]) => one === unit)?.[0] ?? ''}`;
}

/** Every instrument of the gateway: what `GET /metrics` renders and telemetry exports. */
export class Metrics {
  private readonly families: (() => MetricReading)[] = [];

  counter(name: string, help: string): Family<Counter> {
    const made = family(() => new CounterChild());
    this.families.push(() => ({
      name,
      help,
      unit: unitOf(name),
      type: 'counter',
      points: [...made.children.values()].map(({ labels, child }) => ({ labels, value: child.value })),
    }));
    return made;
  }

  /** A counter that somebody else keeps: read when somebody looks. */
  counted(name: string, options: { readonly help: string; readonly read: () => readonly MetricPoint[] }): void {
    this.families.push(() => ({
      name,
      help: options.help,
      unit: unitOf(name),
      type: 'counter',
      points: options.read(),
    }));
  }

  /** A value that is read when somebody looks. */
  gauge(name: string, options: { readonly help: string; readonly read: () => number | readonly MetricPoint[] }): void {
    this.families.push(() => {
      const read = options.read();
      return {
        name,
        help: options.help,
        unit: unitOf(name),
        type: 'gauge',
        points: typeof read === 'number' ? [{ labels: {}, value: read }] : read,
      };
    });
  }

  /** `unit`: only where the name is one of OpenTelemetry's, with dots. */
  histogram(
    name: string,
    options: { readonly help: string; readonly buckets: readonly number[]; readonly unit?: string },
  ): Family<Histogram> {
    const made = family(() => new HistogramChild(options.buckets));
    this.families.push(() => ({
      name,
      help: options.help,
      unit: options.unit ?? unitOf(name),
      type: 'histogram',
      bounds: options.buckets,
      points: [...made.children.values()].map(({ labels, child }) => child.point(labels)),
    }));
    return made;
  }

  /** What all instruments say now: one source for whoever shows or sends them. */
  read(): readonly MetricReading[] {
    return this.families.map((one) => one());
  }

  /** The exposition text; content type `text/plain; version=0.0.4`. */
  render(): string {
    return this.families.map((one) => rendered(one())).join('');
  }
}

function rendered(metric: MetricReading): string {
  const name = expositionName(metric);
  const head = `# HELP ${name} ${metric.help}\n# TYPE ${name} ${metric.type}\n`;
  if (metric.type !== 'histogram')
    return head + metric.points.map(({ labels, value }) => `${name}${labelText(labels)} ${value}\n`).join('');
  return head + metric.points.map((point) => renderHistogram(name, metric.bounds, point)).join('');
}

function renderHistogram(name: string, bounds: readonly number[], point: HistogramPoint): string {
  const { labels, counts, sum, count } = point;
  let cumulative = 0;
  let text = '';
  bounds.forEach((bound, at) => {
    cumulative += counts[at] ?? 0;
    text += `${name}_bucket${labelText(labels, `le="${bound}"`)} ${cumulative}\n`;
  });
  text += `${name}_bucket${labelText(labels, 'le="+Inf"')} ${count}\n`;
  return `${text}${name}_sum${labelText(labels)} ${sum}\n${name}_count${labelText(labels)} ${count}\n`;
}
