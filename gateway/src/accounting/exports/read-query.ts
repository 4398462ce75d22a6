import {
  exportProfiles,
  statementFormats,
  type ExportKind,
  type ExportProfile,
} from '@tollgate/contract/admin-api/exports.ts';
import type { LedgerStore } from '#accounting/ledger/ports.ts';
import type { FigureFilter } from '#model/figures.ts';
import { AskedReader, shown, type Asked } from '#accounting/reports/asked.ts';
import { longestWaitMs } from '#accounting/reports/question.ts';
import { checkValues, readSubject, type ReportSettings } from '#accounting/reports/subject.ts';
import { Failure } from '#kernel/errors.ts';
import type { Span } from './months.ts';

/** An export as somebody asks for it: what is asked for, and what it is judged by. */
export interface AskedExport {
  readonly kind: 'focus' | 'csv' | 'json' | 'statement';
  readonly asked: Asked;
  readonly settings: ReportSettings;
  /** The root of the cost-centre tree. */
  readonly organisation: string;
}

/** An export as it is understood. */
export interface ReadExport {
  readonly kind: ExportKind;
  readonly period: Span;
  readonly filter: readonly FigureFilter[];
  /** The same in words, in order. */
  readonly filterTexts: readonly string[];
  readonly profile: ExportProfile;
  /** Whose statement; null for other kinds. */
  readonly costCentrePath: string | null;
  readonly waitMs: number;
}

type Store = Pick<LedgerStore, 'values'>;

const parameters = {
  focus: ['month', 'from', 'to', 'filter', 'profile', 'waitMs'],
  csv: ['month', 'from', 'to', 'filter', 'waitMs'],
  json: ['month', 'from', 'to', 'filter', 'waitMs'],
  statement: ['month', 'costCentre', 'format', 'waitMs'],
} as const;

/** Rejects with `admin_invalid` and everything that is wrong with the question. */
export async function readExport(wanted: AskedExport, store: Store): Promise<ReadExport> {
  const { kind, asked } = wanted;
  const reader = new AskedReader(asked, parameters[kind]);
  const { period, filter } = await readWhat(reader, wanted, store);
  const costCentrePath = kind === 'statement' ? await readCostCentre(reader, wanted, store) : null;
  const profile = reader.word('profile', exportProfiles) ?? 'provider';
  const format = reader.word('format', statementFormats) ?? 'html';
  const waitMs = reader.whole('waitMs', { least: 0, most: longestWaitMs }) ?? 5_000;
  if (reader.problems.length > 0)
    throw new Failure('admin_invalid', 'The export cannot be made as it is asked for.', { details: reader.problems });
  const whole = [...filter, ...ofCentre(costCentrePath, wanted)];
  return {
    kind: kind === 'statement' ? `statement-${format}` : kind,
    period,
    filter: whole,
    filterTexts: textsOf(whole),
    profile,
    costCentrePath,
    waitMs,
  };
}

/** The time and the filter, which exports have in common with reports; but an export needs both ends of its time. */
async function readWhat(
  reader: AskedReader,
  { kind, settings }: AskedExport,
  store: Store,
): Promise<Pick<ReadExport, 'period' | 'filter'>> {
  const { period, filter } = readSubject(reader, settings);
  const { from, to } = period;
  const isOpen = from === null || to === null;
  if (isOpen && reader.problems.length === 0)
    reader.problem('month', kind === 'statement' ? 'say which, such as 2026-11.' : 'say which, or both from and to.');
  if (filter.some((one) => one.dimension === 'end-user'))
    reader.problem('filter', 'exports are not made for single end users.');
  await checkValues(reader, filter, { store, configured: settings.configured });
  return { period: isOpen ? { from: 0, to: 0 } : { from, to }, filter };
}

/** The path of the cost centre that is named, or whose path is given; the ledger knows those of the past, too. */
async function readCostCentre(
  reader: AskedReader,
  { settings, organisation }: AskedExport,
  store: Store,
): Promise<string> {
  const text = reader.text('costCentre') ?? organisation;
  if (text === organisation) return organisation;
  const known = [...(settings.configured['cost-centre'] ?? []), ...(await store.values('cost-centre'))];
  const path = known.find((one) => one === text) ?? known.find((one) => one.endsWith(`/${text}`));
  if (path !== undefined) return path;
  if (!known.some((one) => one.startsWith(`${text}/`)))
    reader.problem('costCentre', `neither the configuration nor the ledger has a cost centre '${shown(text)}'.`);
  return text;
}

/** Everybody's needs no filter. */
function ofCentre(path: string | null, { organisation }: AskedExport): readonly FigureFilter[] {
  return path === null || path === organisation ? [] : [{ dimension: 'cost-centre', values: [path] }];
}

const textsOf = (filter: readonly FigureFilter[]): readonly string[] =>
  filter
    .flatMap(({ dimension, values, exact }) =>
      values.map((value) => `${dimension}${exact === true && dimension === 'cost-centre' ? '==' : '='}${value}`),
    )
    .toSorted();
