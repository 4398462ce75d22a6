import { otlpProblems } from './otlp-variables.ts';

type Environment = Readonly<Record<string, string | undefined>>;

interface SignalSwitches {
  readonly traces: boolean;
  readonly metrics: boolean;
}

/** Where telemetry goes, and in whose name: from the environment, by the variables that OpenTelemetry and Azure Monitor have. */
export interface TelemetrySettings {
  /** What is told at all, wherever that goes. */
  readonly wanted: SignalSwitches;
  readonly otlp: SignalSwitches;
  /** Of Application Insights; null where nothing goes there. Holds no secret where the component takes Entra tokens only. */
  readonly connectionString: string | null;
  /** Attributes of the resource: `service.name` and the like. */
  readonly resource: Readonly<Record<string, string>>;
  readonly sampling: SamplingRules;
  /** How often metrics are sent, ms. */
  readonly metricsEveryMs: number;
}

/** Which calls are kept. */
export interface SamplingRules {
  /** Of the calls of which no caller has decided, 0 to 1. */
  readonly share: number;
  /** How many calls a second are kept because their caller keeps its trace; 0: callers decide nothing. */
  readonly followed: number;
  /** A caller that does not keep its trace decides that for the gateway, too. */
  readonly parentBased: boolean;
}

export type ReadSettings =
  /** Undefined: telemetry is off. */
  | {
      readonly ok: true;
      readonly settings: TelemetrySettings | undefined;
      readonly warnings: readonly string[];
    }
  | { readonly ok: false; readonly problems: readonly string[] };

const mostFollowed = 100;
const keyPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

const isTrue = (text: string | undefined): boolean => text?.toLowerCase() === 'true';

class Reader {
  readonly problems: string[] = [];
  readonly warnings: string[] = [];
  readonly #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  text(name: string): string | undefined {
    const text = this.#environment[name]?.trim();
    return text === '' ? undefined : text;
  }

  /** Whether an address stands there; one that is none is a problem. */
  address(name: string): boolean {
    const text = this.text(name);
    if (text === undefined) return false;
    const url = URL.parse(text);
    if (url === null || !/^https?:$/.test(url.protocol))
      this.problems.push(`${name}: expected the address of a collector, such as http://localhost:4318.`);
    return true;
  }

  /** What a list of exporters turns off is off wherever it would go: Application Insights has no name in that list. */
  #isWanted(name: string): boolean {
    const exporters = (this.text(name) ?? 'otlp').split(',').map((one) => one.trim().toLowerCase());
    for (const other of exporters.filter((one) => one !== 'none' && one !== 'otlp'))
      this.warnings.push(`${name}: Tollgate has no exporter '${other}'; it knows otlp and none.`);
    return !exporters.includes('none');
  }

  wanted(): SignalSwitches {
    return { traces: this.#isWanted('OTEL_TRACES_EXPORTER'), metrics: this.#isWanted('OTEL_METRICS_EXPORTER') };
  }

  /** Asked for by name, but not where to: not guessed, for what leaves the gateway goes where somebody has said. */
  #sayWhereTo(name: string, signal: string, isKnown: boolean): void {
    if (isKnown || this.text(name)?.toLowerCase().includes('otlp') !== true) return;
    this.warnings.push(
      `${name}: nothing is sent by OTLP until OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_${signal}_ENDPOINT says where to.`,
    );
  }

  otlp(wanted: SignalSwitches): SignalSwitches {
    const everything = this.address('OTEL_EXPORTER_OTLP_ENDPOINT');
    const traces = this.address('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') || everything;
    const metrics = this.address('OTEL_EXPORTER_OTLP_METRICS_ENDPOINT') || everything;
    this.#sayWhereTo('OTEL_TRACES_EXPORTER', 'TRACES', traces);
    this.#sayWhereTo('OTEL_METRICS_EXPORTER', 'METRICS', metrics);
    return { traces: traces && wanted.traces, metrics: metrics && wanted.metrics };
  }

  connectionString(): string | null {
    const name = 'APPLICATIONINSIGHTS_CONNECTION_STRING';
    const text = this.text(name);
    if (text === undefined) return null;
    const parts = new Map(
      text.split(';').map((part) => [part.split('=', 1)[0]?.toLowerCase() ?? '', part.slice(part.indexOf('=') + 1)]),
    );
    if (!keyPattern.test(parts.get('instrumentationkey') ?? ''))
      this.problems.push(
        `${name}: expected InstrumentationKey=<uuid>;IngestionEndpoint=https://…, as the portal shows it.`,
      );
    const endpoint = parts.get('ingestionendpoint');
    if (endpoint !== undefined && URL.parse(endpoint)?.protocol !== 'https:')
      this.problems.push(`${name}: IngestionEndpoint must be an https address.`);
    return text;
  }

  /** Whole milliseconds, above 0. */
  milliseconds(name: string, otherwise: number): number {
    const text = this.text(name);
    if (text === undefined) return otherwise;
    if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
    this.problems.push(`${name}: expected milliseconds, such as 60000.`);
    return otherwise;
  }

  protocol(): void {
    for (const name of [
      'OTEL_EXPORTER_OTLP_PROTOCOL',
      'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL',
      'OTEL_EXPORTER_OTLP_METRICS_PROTOCOL',
    ]) {
      const text = this.text(name);
      if (text !== undefined && text !== 'http/protobuf')
        this.warnings.push(`${name}=${text}: Tollgate speaks http/protobuf, and goes on with that.`);
    }
  }

  sampling(): SamplingRules {
    const name = 'OTEL_TRACES_SAMPLER';
    const sampler = this.text(name) ?? 'parentbased_always_on';
    const parentBased = sampler.startsWith('parentbased_');
    const followed = parentBased ? mostFollowed : 0;
    switch (sampler.replace(/^parentbased_/, '')) {
      case 'always_on':
        return { share: 1, followed, parentBased };
      case 'always_off':
        return { share: 0, followed, parentBased };
      case 'traceidratio':
        return { share: this.#ratio(), followed, parentBased };
      default:
        this.problems.push(
          `${name}: expected always_on, always_off or traceidratio, or one of them with parentbased_ before it, not '${sampler}'.`,
        );
        return { share: 1, followed, parentBased };
    }
  }

  #ratio(): number {
    const text = this.text('OTEL_TRACES_SAMPLER_ARG');
    if (text === undefined) return 1;
    const ratio = Number(text);
    if (ratio >= 0 && ratio <= 1) return ratio;
    this.problems.push('OTEL_TRACES_SAMPLER_ARG: expected a number from 0 to 1, such as 0.1.');
    return 1;
  }

  resource(otherwise: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    const attributes: Record<string, string> = { ...otherwise };
    for (const part of (this.text('OTEL_RESOURCE_ATTRIBUTES') ?? '').split(',')) {
      if (part.trim() === '') continue;
      const at = part.indexOf('=');
      const [name, value] = [part.slice(0, at).trim(), decoded(part.slice(at + 1).trim())];
      if (at <= 0 || value === undefined)
        this.problems.push('OTEL_RESOURCE_ATTRIBUTES: expected name=value,name=value with values percent-encoded.');
      else attributes[name] = value;
    }
    const name = this.text('OTEL_SERVICE_NAME');
    if (name !== undefined) attributes['service.name'] = name;
    return attributes;
  }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Reads it all, and says all that is wrong with it. `resource`: what is known of the gateway beside the environment. */
export function readTelemetrySettings(
  environment: Environment,
  resource: Readonly<Record<string, string>>,
): ReadSettings {
  const read = new Reader(environment);
  const { problems, warnings } = read;
  const off: ReadSettings = { ok: true, settings: undefined, warnings };
  if (isTrue(read.text('OTEL_SDK_DISABLED'))) return off;
  const wanted = read.wanted();
  const otlp = read.otlp(wanted);
  const connectionString = read.connectionString();
  const isSent = otlp.traces || otlp.metrics || (connectionString !== null && (wanted.traces || wanted.metrics));
  if (!isSent && problems.length === 0) return off;
  if (otlp.traces || otlp.metrics) {
    read.protocol();
    problems.push(...otlpProblems(environment));
  }
  const settings = {
    wanted,
    otlp,
    connectionString,
    resource: read.resource({ 'service.name': 'tollgate', ...resource }),
    sampling: read.sampling(),
    metricsEveryMs: read.milliseconds('OTEL_METRIC_EXPORT_INTERVAL', 60_000),
  };
  return problems.length > 0 ? { ok: false, problems } : { ok: true, settings, warnings };
}
