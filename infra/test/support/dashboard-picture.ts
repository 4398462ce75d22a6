import { readTemplates, TemplateSet } from '../../../tools/bicep/template-set.ts';
import { asText, type Value } from '../../../tools/bicep/values.ts';
import { parseQuery } from '../../../tools/kql/parse.ts';
import { runQuery, type Row } from '../../../tools/kql/run.ts';
import { donut, lines, map, stackedArea, stackedColumns, text, type Box, type Drawn } from './charts.ts';
import { at, listAt, made } from './problems.ts';
import { base } from './profiles.ts';
import { infraFolder, readInfra, snapshot } from './snapshot.ts';
import { columnsOf, sampleDay } from './tables.ts';

const [cellWidth, cellHeight, gap] = [76, 58, 6];
const draw: Readonly<Record<string, (drawn: Drawn, box: Box) => string>> = {
  Donut: donut,
  StackedArea: stackedArea,
  StackedColumn: stackedColumns,
  Line: lines,
};

/** Calls of a day, made up, from the gateway to Azure OpenAI. A tenth is traced. */
const dependencies: Row[] = [
  ['tollgate', 'oai-swedencentral.openai.azure.com', 640, 900],
  ['tollgate', 'oai-westeurope.openai.azure.com', 610, 960],
].flatMap(([source = '', target = '', calls, ms]) =>
  Array.from({ length: Number(calls) / 10 }, (_, n) => ({
    AppRoleName: String(source),
    ItemCount: 10,
    Target: String(target),
    Success: n % 40 !== 0,
    DurationMs: Number(ms) + (n % 7),
  })),
);

function rowsOf(query: string): readonly Row[] {
  const parsed = parseQuery(query);
  const rows = parsed.table === 'AppDependencies' ? dependencies : sampleDay().rows;
  return runQuery(parsed, { columns: columnsOf[parsed.table] ?? [], rows }).rows;
}

function tile(part: Value): string {
  const place = (name: string): number => Number(at(part, `position.${name}`));
  const outer = {
    x: place('x') * cellWidth + gap,
    y: place('y') * cellHeight + gap,
    width: place('colSpan') * cellWidth - gap,
    height: place('rowSpan') * cellHeight - gap,
  };
  const inputs = Object.fromEntries(
    listAt(part, 'metadata.inputs').map((one) => [asText(at(one, 'name') ?? ''), at(one, 'value')]),
  );
  const card = `<rect x="${outer.x}" y="${outer.y}" width="${outer.width}" height="${outer.height}" class="card"/>`;
  const box = { x: outer.x + 10, y: outer.y + 34, width: outer.width - 20, height: outer.height - 44 };
  const title = (name: string): string => card + text([outer.x + 10, outer.y + 22], name, 'class="title"');
  const markdown = at(part, 'metadata.settings.content');
  if (asText(at(part, 'metadata.type') ?? '').endsWith('MarkdownPart'))
    return (
      card +
      text([outer.x + 12, outer.y + 24], asText(at(markdown, 'title') ?? ''), 'class="heading"') +
      text([outer.x + 12, outer.y + 42], asText(at(markdown, 'subtitle') ?? ''), 'class="small"')
    );
  if (inputs['Query'] === undefined)
    return title('Application map') + map(rowsOf(readInfra('queries/application-map.kql')), box);
  const dimensions = inputs['Dimensions'];
  const names = (where: string): string[] => listAt(dimensions, where).map((one) => asText(at(one, 'name') ?? ''));
  const drawn = {
    rows: rowsOf(asText(inputs['Query'])),
    x: asText(at(dimensions, 'xAxis.name') ?? ''),
    y: names('yAxis'),
    split: names('splitBy')[0],
  };
  return title(asText(inputs['PartTitle'] ?? '')) + (draw[asText(inputs['SpecificChart'] ?? '')]?.(drawn, box) ?? '');
}

/** The dashboard of the templates, its queries worked out over a made-up day: an SVG. */
export function dashboardPicture(): string {
  const [dashboard] = made(snapshot(new TemplateSet(readTemplates(infraFolder)), base), 'Microsoft.Portal/dashboards');
  const parts = listAt(dashboard?.body, 'properties.lenses.0.parts');
  const width =
    Math.max(...parts.map((part) => Number(at(part, 'position.x')) + Number(at(part, 'position.colSpan')))) *
      cellWidth +
    gap;
  const height =
    Math.max(...parts.map((part) => Number(at(part, 'position.y')) + Number(at(part, 'position.rowSpan')))) *
      cellHeight +
    gap;
  const style =
    'text{font:12px system-ui,sans-serif;fill:#1f2937}.small{font-size:10.5px}.halo{paint-order:stroke;stroke:#fff;stroke-width:4px}.big{font-size:16px;font-weight:600}.title{font-weight:600}.heading{font-size:18px;font-weight:600}.card{fill:#fff;stroke:#d1d5db}.grid{stroke:#e5e7eb}.node{fill:#eff6ff;stroke:#2563eb}';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"><style>${style}</style><rect width="${width}" height="${height}" fill="#f3f4f6"/>\n${parts.map(tile).join('\n')}\n</svg>\n`;
}
