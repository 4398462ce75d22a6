/**
 * Instruments that cost an addition on the request path: a child for a set of labels is made once and kept, so that
 * nothing is hashed or allocated per observation. Rendered in the Prometheus text exposition format 0.0.4.
 * Each stage declares its own instruments on the one `Metrics` that `compose/` makes.
 */
type Labels = Readonly<Record<string, string>>;

export interface Counter {
  add(value: number): void;
}
export interface Histogram {
  /** In the unit that the metric's name ends with (seconds, tokens). */
  observe(value: number): void;
}
export interface Family<Child> {
  /** The child for these label values; keep it where it is used often. */
  with(labels: Labels): Child;
}

interface Rendered {
  render(): string;
}

const escapeLabel = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

function labelText(labels: Labels, extra?: string): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
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

export class Metrics {
  private readonly families: Rendered[] = [];

  counter(name: string, help: string): Family<Counter> {
    const made = family(() => new CounterChild());
    this.families.push({
      render: () =>
        header({ name, help, type: 'counter' }) +
        [...made.children.values()].map(({ labels, child }) => `${name}${labelText(labels)} ${child.value}\n`).join(''),
    });
    return made;
  }

  /** A value that is read when somebody looks. */
  gauge(
    name: string,
    options: {
      readonly help: string;
      readonly read: () => number | readonly { readonly labels: Labels; readonly value: number }[];
    },
  ): void {
    this.families.push({
      render() {
        const read = options.read();
        const samples = typeof read === 'number' ? [{ labels: {}, value: read }] : read;
        return (
          header({ name, help: options.help, type: 'gauge' }) +
          samples.map(({ labels, value }) => `${name}${labelText(labels)} ${value}\n`).join('')
        );
      },
    });
  }

  histogram(name: string, options: { readonly help: string; readonly buckets: readonly number[] }): Family<Histogram> {
    const made = family(() => new HistogramChild(options.buckets));
    this.families.push({
      render: () =>
        header({ name, help: options.help, type: 'histogram' }) +
        [...made.children.values()].map((entry) => renderHistogram(name, entry)).join(''),
    });
    return made;
  }

  /** The exposition text; content type `text/plain; version=0.0.4`. */
  render(): string {
    return this.families.map((one) => one.render()).join('');
  }
}

function header(metric: { readonly name: string; readonly help: string; readonly type: string }): string {
  return `# HELP ${metric.name} ${metric.help}\n# TYPE ${metric.name} ${metric.type}\n`;
}

function renderHistogram(name: string, entry: { readonly labels: Labels; readonly child: HistogramChild }): string {
  let cumulative = 0;
  let text = '';
  entry.child.bounds.forEach((bound, at) => {
    cumulative += entry.child.counts[at] ?? 0;
    text += `${name}_bucket${labelText(entry.labels, `le="${bound}"`)} ${cumulative}\n`;
  });
  text += `${name}_bucket${labelText(entry.labels, 'le="+Inf"')} ${entry.child.count}\n`;
  return `${text}${name}_sum${labelText(entry.labels)} ${entry.child.sum}\n${name}_count${labelText(entry.labels)} ${entry.child.count}\n`;
}
