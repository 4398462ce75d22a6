import { reportDimensions, type ReportDimension } from '@tollgate/contract/usage.ts';
import type { LedgerStore } from '#accounting/ledger/ports.ts';
import type { FigureDimension, FigureFilter, Period } from '#model/figures.ts';
import { nearest, suggestion } from '#kernel/suggest.ts';
import { isTimeZone } from '#kernel/time-zone.ts';
import { rollUpOutcomes, seriesOperations } from '#model/words.ts';
import { shown, unknownName, type AskedReader } from './asked.ts';
import type { CurrencyRates } from './currency.ts';
import { momentSyntax, monthSpan, parseMoment } from './moments.ts';

/** What a question is judged by, at the moment it is asked. */
export interface ReportSettings {
  /** The organisation's. */
  readonly timeZone: string;
  readonly currencies: CurrencyRates;
  /** UTC ms. */
  readonly now: number;
  /** Names that the configuration knows, although nothing may have been used by them yet. */
  readonly configured: Readonly<Partial<Record<FigureDimension, readonly string[]>>>;
}

/** What a report, an export or a drill-down is about. */
export interface Subject {
  readonly timeZone: string;
  readonly period: Period;
  readonly filter: readonly FigureFilter[];
}

export const subjectParameters = ['from', 'to', 'month', 'timeZone', 'filter'] as const;

const closedLists: Readonly<Partial<Record<ReportDimension, readonly string[]>>> = {
  outcome: Object.keys(rollUpOutcomes),
  operation: Object.keys(seriesOperations),
};

/** Reads the parameters that are common to all questions; what is wrong with them is in the reader's problems. */
export function readSubject(reader: AskedReader, settings: ReportSettings): Subject {
  const timeZone = readTimeZone(reader, settings);
  return { timeZone, period: readPeriod(reader, { timeZone, now: settings.now }), filter: readFilter(reader) };
}

function readTimeZone(reader: AskedReader, settings: ReportSettings): string {
  const text = reader.text('timeZone') ?? settings.timeZone;
  if (isTimeZone(text)) return text;
  const near = nearestTimeZone(text);
  const fix = near === undefined ? '' : `Did you mean '${near}'?`;
  reader.problem(
    'timeZone',
    `'${shown(text)}' is no time zone of the IANA database, such as Europe/Amsterdam or UTC. ${fix}`.trim(),
  );
  return settings.timeZone;
}

/** By its whole name, or by its city alone. */
function nearestTimeZone(text: string): string | undefined {
  const known = Intl.supportedValuesOf('timeZone');
  const city = `/${text.toLowerCase().replaceAll(' ', '_')}`;
  return known.find((one) => one.toLowerCase().endsWith(city)) ?? nearest(text, known);
}

function readPeriod(reader: AskedReader, clock: { readonly timeZone: string; readonly now: number }): Period {
  const end = (name: 'from' | 'to'): number | null => {
    const text = reader.text(name);
    if (text === undefined) return null;
    const at = parseMoment(text, clock);
    if (at === undefined) reader.problem(name, `'${shown(text)}' is no time: ${momentSyntax}.`);
    return at ?? null;
  };
  const [from, to] = [end('from'), end('to')];
  const month = reader.text('month');
  if (month === undefined) return checkedPeriod(reader, { from, to });
  const span = monthSpan(month, clock.timeZone);
  if (span === undefined) reader.problem('month', `'${shown(month)}' is no month, such as 2026-11.`);
  for (const name of ['from', 'to'] as const)
    if (reader.text(name) !== undefined) reader.problem('month', `it says the whole period: leave out \`${name}\`.`);
  return span ?? { from: null, to: null };
}

function checkedPeriod(reader: AskedReader, period: Period): Period {
  const { from, to } = period;
  if (from !== null && to !== null && from >= to)
    reader.problem(
      'from',
      `the period is empty: it begins at ${new Date(from).toISOString()} and ends at ${new Date(to).toISOString()}.`,
    );
  return period;
}

function readFilter(reader: AskedReader): readonly FigureFilter[] {
  const filters = new Map<ReportDimension, { exact: boolean; values: string[] }>();
  for (const text of reader.texts('filter')) {
    const [, name = '', sign, value = ''] = /^([^=]*)(==?)([^]*)$/.exec(text) ?? [];
    if (sign === undefined) {
      reader.problem('filter', `'${shown(text)}' is not of the form dimension=value.`);
      continue;
    }
    const dimension = reader.wordOf('filter', name, reportDimensions);
    if (dimension === undefined) continue;
    const closed = closedLists[dimension];
    if (closed !== undefined && !closed.includes(value))
      reader.problem('filter', `${dimension}: ${unknownName(value, closed)}`);
    const exact = sign === '==';
    const known = filters.get(dimension);
    if (known === undefined) filters.set(dimension, { exact, values: [value] });
    else if (known.exact === exact) known.values.push(value);
    else reader.problem('filter', `${dimension}: '=' and '==' cannot be mixed.`);
  }
  return [...filters].map(([dimension, { exact, values }]) => ({ dimension, values: [...new Set(values)], exact }));
}

/** Adds a problem for every value of a filter that neither the configuration nor the ledger has heard of. */
export async function checkValues(
  reader: AskedReader,
  filter: readonly FigureFilter[],
  known: { readonly store: Pick<LedgerStore, 'values'>; readonly configured: ReportSettings['configured'] },
): Promise<void> {
  for (const { dimension, values } of filter) {
    if (dimension === 'outcome' || dimension === 'end-user' || closedLists[dimension] !== undefined) continue;
    const isIn = (names: readonly string[], value: string): boolean =>
      names.some((name) => name === value || (dimension === 'cost-centre' && `/${name}/`.includes(`/${value}/`)));
    const configured = known.configured[dimension] ?? [];
    const strange = values.filter((value) => !isIn(configured, value));
    if (strange.length === 0) continue;
    const used = await known.store.values(dimension);
    for (const value of strange)
      if (!isIn(used, value))
        reader.problem(
          'filter',
          `${dimension}: nothing was ever used by '${shown(value)}', and the configuration has no such name. ` +
            (suggestion(value, [...new Set([...configured, ...used])]) ?? 'Nothing at all was used yet.'),
        );
  }
}
