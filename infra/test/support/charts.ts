import type { Cell, Row } from '../../../tools/kql/run.ts';

/** What a chart draws: a column for the x axis, columns for the y axis, and perhaps one that splits into series. */
export interface Drawn {
  readonly rows: readonly Row[];
  readonly x: string;
  readonly y: readonly string[];
  readonly split: string | undefined;
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const colours = ['#2563eb', '#f59e0b', '#10b981', '#8b5cf6', '#ef4444', '#64748b'];
export const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const short = (value: number): string => {
  if (value >= 1_000_000) return `${(value / 1_000_000).toFixed(1)} M`;
  if (value >= 10_000) return `${(value / 1000).toFixed(0)} k`;
  return Number.isInteger(value) ? String(value) : value.toFixed(value < 10 ? 2 : 0);
};
const clock = (value: Cell): string =>
  typeof value === 'number' ? new Date(value).toISOString().slice(11, 16) : String(value);
export const text = ([x, y]: readonly [x: number, y: number], content: string, more = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escape(content)}</text>`;

interface Series {
  readonly name: string;
  readonly values: readonly number[];
}

function seriesOf({ rows, x, y, split }: Drawn): { readonly xs: readonly Cell[]; readonly series: readonly Series[] } {
  const xs = [...new Set(rows.map((row) => row[x] ?? null))];
  const value = (column: string, of: (row: Row) => boolean): number[] =>
    xs.map((at) => Number(rows.find((row) => row[x] === at && of(row))?.[column] ?? 0));
  if (split === undefined)
    return { xs, series: y.map((column) => ({ name: column, values: value(column, () => true) })) };
  const names = [...new Set(rows.map((row) => String(row[split])))].toSorted();
  return {
    xs,
    series: names.map((name) => ({ name, values: value(y[0] ?? '', (row) => String(row[split]) === name) })),
  };
}

/** What a name takes in a legend: its square, itself, and the room to the next one. */
const legendWidth = (name: string): number => 30 + name.length * 5.6;

/** Below a chart, in as many lines as it needs. */
function legend(names: readonly string[], { x, y, width, height }: Box): string {
  const rows: string[][] = [[]];
  let taken = 0;
  for (const name of names) {
    if (taken + legendWidth(name) > width + 20) {
      rows.push([]);
      taken = 0;
    }
    rows.at(-1)?.push(name);
    taken += legendWidth(name);
  }
  return rows
    .map((row, number) => {
      const bottom = y + height - (rows.length - 1 - number) * 14;
      let left = x;
      return row
        .map((name) => {
          const colour = colours[names.indexOf(name) % colours.length] ?? '';
          const item = `<rect x="${left.toFixed(1)}" y="${bottom - 9}" width="9" height="9" fill="${colour}"/>${text([left + 13, bottom - 1], name, 'class="small"')}`;
          left += legendWidth(name);
          return item;
        })
        .join('');
    })
    .join('');
}

/** The next round number: what an axis ends with. */
function roundUp(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 4, 6, 8].find((step) => step * unit >= value) ?? 10) * unit;
}

function frame(box: Box, top: number, xs: readonly Cell[]): string {
  const rulers = [0, 0.5, 1].map((share) => {
    const y = box.y + box.height * (1 - share);
    return `<line x1="${box.x}" x2="${box.x + box.width}" y1="${y}" y2="${y}" class="grid"/>${text([box.x - 5, y + 3], short(top * share), 'class="small" text-anchor="end"')}`;
  });
  const every = Math.max(1, Math.ceil(xs.length / 7));
  const labels = xs.map((value, at) =>
    at % every === 0
      ? text(
          [box.x + ((at + 0.5) / xs.length) * box.width, box.y + box.height + 12],
          clock(value),
          'class="small" text-anchor="middle"',
        )
      : '',
  );
  return [...rulers, ...labels].join('');
}

const inner = ({ x, y, width, height }: Box): Box => ({ x: x + 44, y: y + 6, width: width - 54, height: height - 52 });

/** One name has one colour in every chart that splits by it. */
const colourOf = (drawn: Drawn, row: Row): string => {
  const names = drawn.rows.map((one) => String(one[drawn.x])).toSorted();
  return colours[names.indexOf(String(row[drawn.x])) % colours.length] ?? '';
};

export function donut(drawn: Drawn, box: Box): string {
  const [column = ''] = drawn.y;
  const total = drawn.rows.reduce((sum, row) => sum + Number(row[column]), 0);
  const radius = Math.min(box.width, box.height - 24) / 2 - 6;
  const [middleX, middleY] = [box.x + box.width * 0.36, box.y + (box.height - 16) / 2];
  let angle = -Math.PI / 2;
  const point = (at: number, distance: number): string =>
    `${(middleX + Math.cos(at) * distance).toFixed(1)} ${(middleY + Math.sin(at) * distance).toFixed(1)}`;
  const slices = drawn.rows.map((row) => {
    const from = angle;
    angle += (Number(row[column]) / total) * Math.PI * 2;
    const large = angle - from > Math.PI ? 1 : 0;
    return `<path d="M ${point(from, radius)} A ${radius} ${radius} 0 ${large} 1 ${point(angle, radius)} L ${point(angle, radius * 0.6)} A ${radius * 0.6} ${radius * 0.6} 0 ${large} 0 ${point(from, radius * 0.6)} Z" fill="${colourOf(drawn, row)}"/>`;
  });
  const labels = drawn.rows.map((row, at) => {
    const y = box.y + 30 + at * 20;
    const x = box.x + box.width * 0.68;
    return `<rect x="${x}" y="${y - 9}" width="9" height="9" fill="${colourOf(drawn, row)}"/>${text([x + 14, y], `${String(row[drawn.x])} ${((Number(row[column]) / total) * 100).toFixed(1)} %`, 'class="small"')}`;
  });
  return `${slices.join('')}${text([middleX, middleY + 4], short(total), 'text-anchor="middle" class="big"')}${labels.join('')}`;
}

export function stackedArea(drawn: Drawn, box: Box): string {
  const { xs, series } = seriesOf(drawn);
  const area = inner(box);
  const sums = xs.map((_, at) => series.reduce((sum, one) => sum + (one.values[at] ?? 0), 0));
  const top = roundUp(Math.max(...sums, 1));
  const place = (at: number, value: number): string =>
    `${(area.x + ((at + 0.5) / xs.length) * area.width).toFixed(1)},${(area.y + area.height * (1 - value / top)).toFixed(1)}`;
  const below = xs.map(() => 0);
  const shapes = series.map((one, number) => {
    const lower = xs.map((_, at) => place(at, below[at] ?? 0)).toReversed();
    for (const [at, value] of one.values.entries()) below[at] = (below[at] ?? 0) + value;
    return `<polygon points="${[...xs.map((_, at) => place(at, below[at] ?? 0)), ...lower].join(' ')}" fill="${colours[number % colours.length] ?? ''}" fill-opacity="0.75"/>`;
  });
  return `${frame(area, top, xs)}${shapes.join('')}${legend(
    series.map(({ name }) => name),
    box,
  )}`;
}

export function stackedColumns(drawn: Drawn, box: Box): string {
  const { xs, series } = seriesOf(drawn);
  const area = inner(box);
  const top = roundUp(
    Math.max(...xs.map((_, at) => series.reduce((sum, one) => sum + (one.values[at] ?? 0), 0)), 1e-9),
  );
  const width = (area.width / xs.length) * 0.7;
  const bars = xs.flatMap((_, at) => {
    let y = area.y + area.height;
    return series.map(({ values }, number) => {
      const height = ((values[at] ?? 0) / top) * area.height;
      y -= height;
      return `<rect x="${(area.x + ((at + 0.5) / xs.length) * area.width - width / 2).toFixed(1)}" y="${y.toFixed(1)}" width="${width.toFixed(1)}" height="${height.toFixed(1)}" fill="${colours[number % colours.length] ?? ''}"/>`;
    });
  });
  return `${frame(area, top, xs)}${bars.join('')}${legend(
    series.map(({ name }) => name),
    box,
  )}`;
}

export function lines(drawn: Drawn, box: Box): string {
  const { xs, series } = seriesOf(drawn);
  const area = inner(box);
  const top = roundUp(Math.max(...series.flatMap(({ values }) => values), 1));
  const paths = series.map(({ values }, number) => {
    const points = values.map(
      (value, at) =>
        `${(area.x + ((at + 0.5) / xs.length) * area.width).toFixed(1)},${(area.y + area.height * (1 - value / top)).toFixed(1)}`,
    );
    return `<polyline points="${points.join(' ')}" fill="none" stroke="${colours[number % colours.length] ?? ''}" stroke-width="2"/>`;
  });
  return `${frame(area, top, xs)}${paths.join('')}${legend(
    series.map(({ name }) => name),
    box,
  )}`;
}

const node = (name: string, { x, y, width }: Omit<Box, 'height'>): string =>
  `<rect x="${x}" y="${y - 13}" width="${width}" height="26" rx="5" class="node"/>${text([x + width / 2, y + 4], name, 'text-anchor="middle" class="small"')}`;

/** What calls what, from left to right. */
export function map(rows: readonly Row[], box: Box): string {
  const sources = [...new Set(rows.map((row) => String(row['AppRoleName'])))];
  const targets = [...new Set(rows.map((row) => String(row['Target'])))];
  const height = (at: number, of: number): number => box.y + ((at + 0.5) / of) * (box.height - 10);
  const width = 112;
  const [left, right] = [box.x + width, box.x + box.width - width];
  const edges = rows.map((row) => {
    const from = height(sources.indexOf(String(row['AppRoleName'])), sources.length);
    const to = height(targets.indexOf(String(row['Target'])), targets.length);
    const colour = Number(row['Failed']) > 0 ? '#ef4444' : '#64748b';
    const label = `${String(row['Calls'])} · ${short(Number(row['MedianMs']))} ms`;
    return `<line x1="${left}" x2="${right}" y1="${from}" y2="${to}" stroke="${colour}"/>${text([(left + right) / 2, (from + to) / 2 - 4], label, 'text-anchor="middle" class="small halo"')}`;
  });
  // The first part of a host says which it is.
  const nodeOf = (name: string, x: number, y: number): string => node(name.split('.')[0] ?? name, { x, y, width });
  return [
    ...edges,
    ...sources.map((name, at) => nodeOf(name, box.x, height(at, sources.length))),
    ...targets.map((name, at) => nodeOf(name, right, height(at, targets.length))),
  ].join('');
}
