import type { Simulation } from '@tollgate/contract/simulation.ts';

type Row = Simulation['rows'][number];
type State = Row['endpoints'][number]['state'];

/** Okabe and Ito's palette: told apart by people with any colour vision. */
const palette = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#f0e442', '#999999'] as const;
const stateColours: Readonly<Record<State, string>> = {
  available: '#e8f1ea',
  throttled: '#f4c95d',
  broken: '#c0392b',
  probing: '#e59866',
  quarantined: '#6c3483',
  drained: '#aab7b8',
  'forced-open': '#7f8c8d',
};
const failureColour = '#b3001b';

const width = 960;
const left = 104;
const right = 24;
const top = 40;
const plotHeight = 300;
const stripHeight = 16;
const stripGap = 8;
const inner = width - left - right;

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
const short = (value: number): string => String(Math.round(value * 100) / 100);

/** 1, 2 or 5 times a power of ten, so that there are about five lines. */
function stepFor(most: number): number {
  const rough = Math.max(most, 1e-9) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough) ?? power * 10;
}

interface Scale {
  readonly x: (ms: number) => number;
  readonly y: (perSecond: number) => number;
  readonly most: number;
  readonly endMs: number;
}

/** Calls a second of one row that were served by each endpoint, then those that clients lost. */
function levels(row: Row, { intervalMs }: Simulation): readonly number[] {
  const seconds = intervalMs / 1000;
  const { throttled, failed } = row.clients;
  return [...row.endpoints.map((one) => one.served), throttled + failed].map((count) => count / seconds);
}

function scaleOf(simulation: Simulation): Scale {
  const { rows, intervalMs } = simulation;
  const endMs = rows.length * intervalMs;
  const highest = rows.reduce((most, row) => {
    const asked = row.clients.asked / (intervalMs / 1000);
    const answered = levels(row, simulation).reduce((sum, one) => sum + one, 0);
    return Math.max(most, asked, answered);
  }, 0);
  const step = stepFor(highest);
  const most = Math.max(step, Math.ceil(highest / step) * step);
  return {
    endMs,
    most,
    x: (ms) => left + (ms / endMs) * inner,
    y: (perSecond) => top + plotHeight - (perSecond / most) * plotHeight,
  };
}

/** The outline of one layer: steps, because a row is a count over its interval. */
function layer(
  points: readonly { readonly x0: number; readonly x1: number; readonly low: number; readonly high: number }[],
): string {
  const above = points.map(({ x0, x1, high }) => `${short(x0)},${short(high)} ${short(x1)},${short(high)}`);
  const below = points.toReversed().map(({ x0, x1, low }) => `${short(x1)},${short(low)} ${short(x0)},${short(low)}`);
  return [...above, ...below].join(' ');
}

function layers(simulation: Simulation, scale: Scale): readonly string[] {
  const { rows, intervalMs, endpoints } = simulation;
  const stacks = rows.map((row) => {
    let sum = 0;
    return levels(row, simulation).map((level) => {
      const low = sum;
      sum += level;
      return { low, high: sum };
    });
  });
  return [...endpoints, 'lost'].flatMap((name, index) => {
    const colour = name === 'lost' && index === endpoints.length ? failureColour : palette[index % palette.length];
    const points = rows.map((row, at) => {
      const { low, high } = stacks[at]?.[index] ?? { low: 0, high: 0 };
      return {
        x0: scale.x(row.fromMs),
        x1: scale.x(row.fromMs + intervalMs),
        low: scale.y(low),
        high: scale.y(high),
      };
    });
    return [`<polygon fill="${colour}" fill-opacity="0.85" points="${layer(points)}"/>`];
  });
}

function askedLine({ rows, intervalMs }: Simulation, scale: Scale): string {
  const points = rows.flatMap((row) => {
    const y = short(scale.y(row.clients.asked / (intervalMs / 1000)));
    return [`${short(scale.x(row.fromMs))},${y}`, `${short(scale.x(row.fromMs + intervalMs))},${y}`];
  });
  return `<polyline fill="none" stroke="#222" stroke-width="1.2" stroke-dasharray="4 3" points="${points.join(' ')}"/>`;
}

function axes({ endMs, most, x, y }: Scale): readonly string[] {
  const lines: string[] = [];
  const step = stepFor(most);
  for (let value = 0; value <= most + step / 2; value += step) {
    const at = short(y(value));
    lines.push(
      `<line x1="${left}" x2="${width - right}" y1="${at}" y2="${at}" stroke="#ddd"/>`,
      `<text x="${left - 8}" y="${at}" text-anchor="end" dominant-baseline="middle">${short(value)}</text>`,
    );
  }
  const seconds = stepFor(endMs / 1000) || 1;
  for (let value = 0; value * 1000 <= endMs; value += seconds) {
    const at = short(x(value * 1000));
    lines.push(`<text x="${at}" y="${top + plotHeight + 16}" text-anchor="middle">${short(value)} s</text>`);
  }
  return lines;
}

function strips(simulation: Simulation, scale: Scale): readonly string[] {
  const { endpoints, rows, intervalMs } = simulation;
  const first = top + plotHeight + 34;
  return endpoints.flatMap((name, index) => {
    const y = first + index * (stripHeight + stripGap);
    const bars = rows.map((row) => {
      const state = row.endpoints[index]?.state ?? 'available';
      const x = scale.x(row.fromMs);
      const wide = scale.x(row.fromMs + intervalMs) - x + 0.3;
      return `<rect x="${short(x)}" y="${y}" width="${short(wide)}" height="${stripHeight}" fill="${stateColours[state]}"><title>${escaped(name)} ${short(row.fromMs / 1000)} s: ${state}</title></rect>`;
    });
    const label = `<text x="${left - 8}" y="${y + stripHeight / 2}" text-anchor="end" dominant-baseline="middle">${escaped(name.length > 14 ? `${name.slice(0, 13)}…` : name)}</text>`;
    return [label, ...bars];
  });
}

function legend(entries: readonly (readonly [string, string])[], y: number): readonly string[] {
  let x = left;
  return entries.map(([text, colour]) => {
    const at = x;
    x += 26 + text.length * 7;
    return `<rect x="${at}" y="${y - 9}" width="12" height="12" fill="${colour}"/><text x="${at + 17}" y="${y + 1}">${escaped(text)}</text>`;
  });
}

/** Who served what when, as an SVG picture: calls a second by endpoint, what clients lost, and how every endpoint stood. */
export function plotSimulation(simulation: Simulation): string {
  const { endpoints, rows } = simulation;
  const scale = scaleOf(simulation);
  const height = top + plotHeight + 34 + endpoints.length * (stripHeight + stripGap) + 34;
  const seen = new Set(rows.flatMap((row) => row.endpoints.map((one) => one.state)));
  const served = endpoints.map((name, index) => [name, palette[index % palette.length] ?? ''] as const);
  const states = Object.entries(stateColours).filter(([state]) => [...seen].some((one) => one === state));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="Calls a second by endpoint">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...legend([...served, ['lost to clients', failureColour]], 20),
    `<text x="${width - right}" y="21" text-anchor="end">calls a second; dashed: asked</text>`,
    ...axes(scale),
    ...layers(simulation, scale),
    askedLine(simulation, scale),
    ...strips(simulation, scale),
    ...legend(states, height - 12),
    '</svg>',
    '',
  ].join('\n');
}
