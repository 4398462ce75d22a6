import { exportDimensions, type ExportDimension, type ExportKind } from '@tollgate/contract/admin-api/exports.ts';
import type { FigureFilter } from '#accounting/ledger/ports.ts';
import { monthSpan, type Span } from './months.ts';

/** An export as somebody asks for it, in texts. */
export interface AskedExport {
  readonly kind: ExportKind;
  readonly month?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly filter: readonly string[];
  /** For a statement: whose; undefined: everybody's. */
  readonly costCentre?: string | undefined;
}

export interface QueryFacts {
  readonly timeZone: string;
  readonly organisation: string;
  /** Every cost centre of the configuration, and its path. */
  readonly costCentrePaths: ReadonlyMap<string, string>;
}

/** What is to be exported, and what of the question makes no sense; the former holds where the latter is empty. */
export interface ReadExport {
  readonly period: Span;
  readonly filter: readonly FigureFilter[];
  /** The filter in the words of the signed statement, in order, names of cost centres as paths. */
  readonly filterTexts: readonly string[];
  readonly costCentrePath: string | null;
  readonly problems: readonly string[];
}

export function readExport(asked: AskedExport, facts: QueryFacts): ReadExport {
  const problems: string[] = [];
  const problem = (text: string): void => void problems.push(text);
  const period = readPeriod(asked, facts.timeZone, problem);
  const isStatement = asked.kind === 'statement-html' || asked.kind === 'statement-csv';
  const costCentrePath = isStatement ? pathOf(asked.costCentre ?? facts.organisation, facts, problem) : null;
  const own = costCentrePath === null || costCentrePath === facts.organisation ? [] : [`cost-centre=${costCentrePath}`];
  const parts = [...asked.filter, ...own].flatMap((text) => readPart(text, facts, problem));
  return { period, filter: joined(parts, problem), filterTexts: textsOf(parts), costCentrePath, problems };
}

type Tell = (problem: string) => void;

const nothing: Span = { from: 0, to: 0 };

function readPeriod({ month, from, to }: AskedExport, timeZone: string, problem: Tell): Span {
  if (month !== undefined) {
    if (from !== undefined || to !== undefined) problem('Give either `month`, or `from` and `to`.');
    const span = monthSpan(month, timeZone);
    if (span === undefined) problem(`\`${month}\` is no month; expected one such as 2026-11.`);
    return span ?? nothing;
  }
  if (from === undefined || to === undefined) {
    problem('Say which time: a `month` such as 2026-11, or both `from` and `to`.');
    return nothing;
  }
  return readSpan({ from, to }, timeZone, problem);
}

function readSpan(asked: Readonly<Record<'from' | 'to', string>>, timeZone: string, problem: Tell): Span {
  const [from, to] = (['from', 'to'] as const).map((name) => {
    const at = readMoment(asked[name], timeZone);
    if (at === undefined)
      problem(`\`${name}\` is no time: ${asked[name]}. Expected 2026-11-23, 2026-11, 2026 or 2026-11-23T10:00:00Z.`);
    return at;
  });
  if (from === undefined || to === undefined) return nothing;
  if (from >= to) problem('The period is empty: `from` must be before `to`.');
  return { from, to };
}

/** UTC ms of an RFC 3339 time, or of the beginning of a day, month or year in a time zone. */
function readMoment(text: string, timeZone: string): number | undefined {
  try {
    if (/^\d{4}(?:-\d{2}(?:-\d{2})?)?$/.test(text)) {
      const [year = '', month = '01', day = '01'] = text.split('-');
      return Temporal.PlainDate.from(`${year}-${month}-${day}`).toZonedDateTime(timeZone).epochMilliseconds;
    }
    // A moment in the middle of a millisecond would count with it: nothing is admitted between two of them.
    return Temporal.Instant.from(text).epochMilliseconds;
  } catch {
    return undefined;
  }
}

interface Part {
  readonly dimension: ExportDimension;
  readonly exact: boolean;
  readonly value: string;
}

function readPart(text: string, facts: QueryFacts, problem: Tell): readonly Part[] {
  const [, name = '', equals = '', value = ''] = /^([a-z-]+)(==?)(.+)$/s.exec(text) ?? [];
  if (name === '') {
    problem(`\`${text}\` is no filter; expected one such as consumer=web-shop.`);
    return [];
  }
  const dimension = exportDimensions.find((one) => one === name);
  if (dimension === undefined) {
    problem(`Exports have no dimension \`${name}\`; they have ${exportDimensions.join(', ')}.`);
    return [];
  }
  if (dimension !== 'cost-centre') return [{ dimension, exact: false, value }];
  return [{ dimension, exact: equals === '==', value: pathOf(value, facts, problem) }];
}

/** A path stays as it is: the ledger knows cost centres that the configuration has no longer. */
function pathOf(text: string, { costCentrePaths, organisation }: QueryFacts, problem: Tell): string {
  if (text === organisation || text.startsWith(`${organisation}/`)) return text;
  const path = costCentrePaths.get(text);
  if (path === undefined)
    problem(
      `There is no cost centre \`${text}\` in the configuration; one that was there once is named by its path, ${organisation}/….`,
    );
  return path ?? text;
}

/** One filter for each dimension: its values are alternatives. */
function joined(parts: readonly Part[], problem: Tell): readonly FigureFilter[] {
  return [...Map.groupBy(parts, ({ dimension }) => dimension)].map(([dimension, own]) => {
    const exact = own.some((one) => one.exact);
    if (exact && !own.every((one) => one.exact))
      problem('`cost-centre=` and `cost-centre==` cannot be mixed: one counts what is below, the other does not.');
    return { dimension, values: [...new Set(own.map(({ value }) => value))], ...(exact ? { exact } : {}) };
  });
}

const textsOf = (parts: readonly Part[]): readonly string[] =>
  [...new Set(parts.map(({ dimension, exact, value }) => `${dimension}${exact ? '==' : '='}${value}`))].toSorted();
