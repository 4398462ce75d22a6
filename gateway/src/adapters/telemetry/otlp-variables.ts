import { accessSync, constants } from 'node:fs';

/** What is wrong with the text; undefined where nothing is. Never repeats it: it may be a secret. */
type Check = (text: string) => string | undefined;

const milliseconds: Check = (text) => {
  const ms = Number(text);
  return Number.isFinite(ms) && ms > 0 ? undefined : 'expected milliseconds, such as 10000.';
};

const file: Check = (text) => {
  try {
    accessSync(text, constants.R_OK);
    return undefined;
  } catch {
    return `the file ${text} cannot be read.`;
  }
};

const oneOf =
  (...words: readonly string[]): Check =>
  (text) =>
    words.includes(text) ? undefined : `expected ${words.join(' or ')}.`;

function isPair(text: string): boolean {
  const at = text.indexOf('=');
  if (at <= 0) return false;
  try {
    return (
      /^[!#$%&'*+\-.^_`|~\w]+$/.test(decodeURIComponent(text.slice(0, at).trim())) &&
      decodeURIComponent(text.slice(at + 1)) !== ''
    );
  } catch {
    return false;
  }
}

const headers: Check = (text) =>
  text.split(',').every((pair) => pair.trim() === '' || isPair(pair))
    ? undefined
    : 'expected name=value,name=value with values percent-encoded.';

/** By the end of the name, for all signals and for each. Source: OpenTelemetry, Specification of the OTLP exporter. */
const checks: Readonly<Record<string, Check>> = {
  TIMEOUT: milliseconds,
  COMPRESSION: oneOf('gzip', 'none'),
  HEADERS: headers,
  CERTIFICATE: file,
  CLIENT_CERTIFICATE: file,
  CLIENT_KEY: file,
};

/**
 * What is wrong in the variables that the exporter reads itself: it would say so where nobody looks, and go on without them,
 * so that a collector refuses what it is sent.
 */
export function otlpProblems(environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  const problems: string[] = [];
  const look = (name: string, check: Check): void => {
    const text = environment[name]?.trim();
    const wrong = text === undefined || text === '' ? undefined : check(text);
    if (wrong !== undefined) problems.push(`${name}: ${wrong}`);
  };
  for (const [end, check] of Object.entries(checks))
    for (const signal of ['', 'TRACES_', 'METRICS_']) look(`OTEL_EXPORTER_OTLP_${signal}${end}`, check);
  const temporality = oneOf('cumulative', 'delta', 'lowmemory');
  look('OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE', (text) => temporality(text.toLowerCase()));
  return problems;
}
