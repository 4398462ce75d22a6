import { html, type Html } from './html.ts';
import { meterWords } from './meters.ts';
import { regionName } from './regions.ts';
import { columnUsd, counted, grouped, quantityText, unitPriceText } from './statement-words.ts';
import { pricingQuantity } from './row-prices.ts';
import {
  lineTitle,
  noCounts,
  placeOfLine,
  sumOf,
  type LayerSums,
  type Statement,
  type StatementCounts,
  type StatementLine,
} from './statement.ts';

/** Consecutive lines with the same key; lines come sorted. */
function groupsOf<Key>(
  lines: readonly StatementLine[],
  keyOf: (line: StatementLine) => Key,
): readonly (readonly [Key, readonly StatementLine[]])[] {
  return [...Map.groupBy(lines, keyOf)];
}

/** What each consumer used, deployment by deployment and meter by meter. */
export function charges(statement: Statement): Html {
  const paths = groupsOf(statement.lines, (line) => line.costCentrePath);
  return html`<section aria-label="Charges">
    ${paths.map(
      ([path, lines]) =>
        html`<h2>
            ${paths.length > 1 || path !== statement.costCentrePath ? html`Charges of ${path}` : html`Charges`}
          </h2>
          ${groupsOf(lines, (line) => line.consumer).map(([consumer, own]) => consumerTable(statement, consumer, own))}`,
    )}
  </section>`;
}

/** Quantity, unit price, and the layers; what is left is the meter's. */
const columnWidths = { 5: [31, 28, 28, 28], 6: [28, 25, 26, 26, 26] } as const;

function columns(count: 5 | 6): Html {
  return html`<colgroup>
    <col />
    ${columnWidths[count].map((width) => html`<col style="width: ${width}mm" />`)}
  </colgroup>`;
}

function totalColumns(internal: boolean): Html {
  return html`<colgroup>
    <col />
    ${(internal ? [1, 2, 3] : [1, 2]).map(() => html`<col style="width: 36mm" />`)}
  </colgroup>`;
}

function consumerTable(statement: Statement, consumer: string, lines: readonly StatementLine[]): Html {
  const internal = statement.totals.internal !== null;
  const places = groupsOf(lines, placeOfLine);
  const name = consumer === '' ? 'Hours that nobody used' : consumer;
  return html`<h3>${name}</h3>
    <div class="scroll">
      <table>
        ${columns(internal ? 6 : 5)}
        <thead>
          <tr>
            <th scope="col">Meter</th>
            <th scope="col" class="number">Quantity</th>
            <th scope="col" class="number">Unit price</th>
            ${layerTitles(internal)}
          </tr>
        </thead>
        ${places.map(([place, own]) => placeRows(own, statement.countsByPlace.get(place), internal))}
        <tbody class="sums">
          <tr class="sum">
            <th scope="row" colspan="3">${name}, in all</th>
            ${layerCells(sumOf(lines), internal)}
          </tr>
        </tbody>
      </table>
    </div>`;
}

function layerTitles(withInternal: boolean): Html {
  return html`<th scope="col" class="number">List, USD</th>
    <th scope="col" class="number">Cost, USD</th>
    ${withInternal ? html`<th scope="col" class="number">Charged, USD</th>` : null}`;
}

function layerCells({ list, cost, charged }: LayerSums, withInternal: boolean): Html {
  return html`<td class="number">${columnUsd(list)}</td>
    <td class="number">${columnUsd(cost)}</td>
    ${withInternal ? html`<td class="number">${columnUsd(charged)}</td>` : null}`;
}

function placeRows(lines: readonly StatementLine[], counts: StatementCounts = noCounts, internal = false): Html {
  const [first] = lines;
  if (first === undefined) return html``;
  const where = `${first.deployment} in ${first.resource}, ${regionName(first.region)} · ${first.deploymentType}`;
  return html`<tbody>
    <tr class="place">
      <th scope="rowgroup" colspan="${internal ? 6 : 5}">
        ${first.model} <span class="what">${where}${countWords(counts)}</span>
      </th>
    </tr>
    ${lines.map((line) => lineRow(line, internal))}
  </tbody>`;
}

function countWords({ requests, deliveredOnly, estimated }: StatementCounts): string {
  return [
    requests > 0n ? ` · ${counted(requests, 'request')}` : '',
    deliveredOnly > 0n ? `, ${grouped(deliveredOnly)} broken off` : '',
    estimated > 0n ? `, ${grouped(estimated)} with estimates` : '',
  ].join('');
}

const kindMarks: Readonly<Record<StatementLine['kind'], string>> = {
  usage: '',
  provisioned: '',
  allocated: '',
  idle: '',
  unpriced: 'no price',
  unknown: 'not known',
  correction: 'earlier month',
};

function lineRow(line: StatementLine, internal: boolean): Html {
  const mark = kindMarks[line.kind];
  return html`<tr class="line">
    <td>${lineTitle(line)}${mark === '' ? null : html` <span class="mark">${mark}</span>`}</td>
    <td class="number">${quantity(line)}</td>
    <td class="number">${priceCell(line)}</td>
    ${layerCells(line.sums, internal)}
  </tr> `;
}

/** `≥` a lower bound, `~` an estimate: as the command line has it. */
function boundOf({ meter, deliveredOnly, estimated }: StatementLine): string {
  const isOutput = ['output', 'audioOutput', 'reasoning'].includes(meter);
  if (isOutput) return deliveredOnly ? '≥ ' : '';
  return estimated && meter.toLowerCase().endsWith('input') ? '~ ' : '';
}

function quantity(line: StatementLine): Html {
  const { unit, pricingUnit } = meterWords(line.meter);
  if (line.meter === 'ptu')
    return html`${quantityText(pricingQuantity(line))}
      <span class="sub">${pricingUnit.replace('Hours', 'hours')}</span>`;
  const sign = line.units < 0n ? '−' : '';
  const units = grouped(line.units < 0n ? -line.units : line.units);
  return html`${boundOf(line)}${sign}${units} <span class="sub">${unit.toLowerCase()}</span>`;
}

function priceCell(line: StatementLine): Html {
  if (line.kind === 'provisioned') return html`<span class="quiet">paid by the hour</span>`;
  if (line.unitPrice === null) return html`<span class="quiet">–</span>`;
  return html`${unitPriceText(line.unitPrice)} <span class="sub">per ${perText(line)}</span>`;
}

function perText({ meter }: StatementLine): string {
  const { pricingUnit } = meterWords(meter);
  if (pricingUnit.startsWith('1000000')) return 'million';
  return meter === 'ptu' ? 'hour' : pricingUnit.replace(/s$/, '');
}

/** The same by what it was, on every layer. */
export function totals({ lines, totals: sums }: Statement): Html {
  const parts = [
    ['Calls', ['usage', 'provisioned', 'unpriced', 'unknown']],
    ['Provisioned deployments, shares', ['allocated']],
    ['Provisioned deployments, idle hours', ['idle']],
    ['Corrections of earlier months', ['correction']],
  ] as const;
  const internal = sums.internal !== null;
  const rows = parts.map(([title, kinds]) => {
    const own = lines.filter((line) => kinds.some((kind) => kind === line.kind));
    return html`<tr>
      <th scope="row">${title}</th>
      ${layerCells(own.length === 0 ? none : sumOf(own), internal)}
    </tr> `;
  });
  return html`<section aria-label="Totals">
    <h2>Totals</h2>
    <table>
      ${totalColumns(internal)}
      <thead>
        <tr>
          <th scope="col">What</th>
          ${layerTitles(internal)}
        </tr>
      </thead>
      <tbody>
        ${rows}
        <tr class="total">
          <th scope="row">Total</th>
          ${layerCells(sums, internal)}
        </tr>
      </tbody>
    </table>
  </section>`;
}

const none: LayerSums = { cost: 0n, list: null, internal: null, charged: 0n };
