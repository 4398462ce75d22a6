import { html, type Html } from './html.ts';
import { charges, totals } from './statement-tables.ts';
import { adjustmentSection, openPoints } from './statement-marks.ts';
import { statementStyle } from './statement-style.ts';
import { counted, exactUsd, grouped, momentText, monthTitle, roundedUsd } from './statement-words.ts';
import { sumOf, type Statement } from './statement.ts';

/** One self-contained page: what is charged to a cost centre for a month, to be read, printed and kept. */
export function statementHtml(statement: Statement): string {
  const title = `${statement.costCentreName}, ${monthTitle(statement, statement.timeZone)}`;
  const style: Html = { html: statementStyle };
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <meta name="generator" content="${statement.madeBy}" />
        <title>Charge-back statement: ${title}</title>
        <style>
          ${style}
        </style>
      </head>
      <body>
        ${head(statement)}
        <main>
          ${summary(statement)}
          ${statement.lines.length === 0 ? html`<p class="notice">Nothing was used in this month.</p>` : null}
          ${totals(statement)} ${openPoints(statement)} ${charges(statement)} ${adjustmentSection(statement)}
          ${explanations(statement)}
        </main>
        ${foot(statement)}
      </body>
    </html> `.html;
}

function head(statement: Statement): Html {
  const { organisationName, costCentreName, costCentrePath, timeZone, id, from, to, madeAt } = statement;
  return html`<header>
    <div class="sheet-head">
      <div>
        <p class="organisation">${organisationName}</p>
        <h1>${costCentreName}</h1>
      </div>
      <div class="document"><strong>Charge-back statement</strong>${monthTitle(statement, timeZone)}</div>
    </div>
    <dl class="meta">
      <div>
        <dt>Cost centre</dt>
        <dd>${costCentrePath}</dd>
      </div>
      <div>
        <dt>Statement</dt>
        <dd>${id}</dd>
      </div>
      <div>
        <dt>Service</dt>
        <dd>Azure OpenAI, through Tollgate</dd>
      </div>
      <div>
        <dt>From</dt>
        <dd>${momentText(from, timeZone)}</dd>
      </div>
      <div>
        <dt>Until before</dt>
        <dd>${momentText(to, timeZone)}</dd>
      </div>
      <div>
        <dt>Time zone</dt>
        <dd>${timeZone}</dd>
      </div>
      <div>
        <dt>Made</dt>
        <dd>${momentText(madeAt, timeZone)}</dd>
      </div>
      <div>
        <dt>Requests</dt>
        <dd>${grouped(statement.counts.requests)} (${counted(statement.counts.attempts, 'call')} upstream)</dd>
      </div>
      <div>
        <dt>Currency</dt>
        <dd>US dollar (USD)</dd>
      </div>
    </dl>
  </header>`;
}

interface Figure {
  readonly label: string;
  /** Null: nothing of it is known. */
  readonly amount: bigint | null;
  readonly isMain?: boolean;
}

function figureBox({ label, amount, isMain = false }: Figure): Html {
  const text = amount === null ? 'not known' : `$${roundedUsd(amount)}`.replace('$−', '−$');
  return html`<div class="${isMain ? 'figure main' : 'figure'}">
    <div class="label">${label}</div>
    <div class="amount">${text}</div>
    <div class="exact">${amount === null ? null : html`exactly ${plain(amount)}`}</div>
  </div>`;
}

/** Without the paler digits: on coloured ground. */
const plain = (amount: bigint): Html => ({ html: exactUsd(amount).html.replaceAll(/<[^>]+>/g, '') });

function figures({ totals: sums, lines }: Statement): readonly Figure[] {
  const nothing = { cost: 0n, list: 0n, internal: null, charged: 0n };
  const { cost, list, internal, charged } = lines.length === 0 ? nothing : sums;
  const [hours, calls] = [true, false].map((wanted) =>
    lines.filter(({ kind }) => (kind === 'allocated' || kind === 'idle') === wanted),
  );
  // A list price of calls alone is no measure of what is charged for hours, too.
  const atPrices = hours?.some(({ sums: { list: listed } }) => listed === null)
    ? [
        { label: 'Calls, at list prices', amount: sumOf(calls ?? []).list },
        { label: 'Provisioned deployments', amount: sumOf(hours).cost },
      ]
    : [{ label: 'At list prices', amount: list }, ...belowList(lines)];
  if (internal === null) return [{ label: 'To be charged', amount: charged, isMain: true }, ...atPrices];
  const main = { label: 'To be charged, at internal rates', amount: charged, isMain: true };
  return [main, { label: 'Cost at Azure’s prices', amount: cost }, ...atPrices];
}

/** What contracted prices save, over the lines that have both prices. */
function belowList(lines: Statement['lines']): readonly Figure[] {
  const both = sumOf(lines.filter(({ sums }) => sums.cost !== null && sums.list !== null));
  const saved = (both.list ?? 0n) - (both.cost ?? 0n);
  return saved === 0n ? [] : [{ label: 'Below list prices', amount: saved }];
}

/** What has to be known before the amount is believed. */
function notices(statement: Statement): readonly string[] {
  const { unsettled, to, madeAt, timeZone, counts, totals: sums, lines } = statement;
  // A request can be among both: they are not added up.
  const open = [
    counts.unpriced > 0n ? `${counted(counts.unpriced, 'request')} without a price` : '',
    counts.unknownUsage > 0n ? `${counted(counts.unknownUsage, 'request')} of unknown usage` : '',
  ].filter((text) => text !== '');
  const atCost = sums.internal === null ? 0 : lines.filter((line) => line.withoutRate).length;
  return [
    madeAt < to ? `The month is not over: this is what stood in the ledger on ${momentText(madeAt, timeZone)}.` : '',
    unsettled > 0
      ? `${counted(BigInt(unsettled), 'settled call')} had not reached the store when this was made. Make it again to have all.`
      : '',
    open.length > 0 ? `The cost of ${open.join(' and of ')} is not known, and not in the amount.` : '',
    atCost > 0
      ? `In ${counted(BigInt(atCost), 'line')} below there are calls without an internal rate: they are charged at cost.`
      : '',
  ].filter((text) => text !== '');
}

function summary(statement: Statement): Html {
  return html`<section aria-label="Summary">
    <div class="figures">${figures(statement).map(figureBox)}</div>
    ${notices(statement).map((text) => html`<p class="notice">${text}</p> `)}
  </section>`;
}

function explanations({ totals: sums, note }: Statement): Html {
  return html`<section aria-label="Explanations">
    <h2>How these numbers are made</h2>
    <ul class="notes">
      <li>
        Tokens, calls of tools, images, seconds and characters are those that Azure reported for each call. What it did
        not report is marked: a lower bound was counted from what the client received, an estimate by the tokenizer of
        the model.
      </li>
      <li>
        A call counts in the month in which it was admitted, in the time zone above. Each call is priced with the price
        book it was admitted under, and rounded half to even to a thousand-millionth of a dollar; sums are exact.
      </li>
      <li>
        Cost is the contracted price of each meter, or the list price where none is
        contracted.${sums.internal === null ? null : ' What is charged is the internal rate of the organisation, or the cost where it has none.'}
      </li>
      <li>
        A call to a provisioned deployment costs nothing by itself; its hours are shared out, and those that nobody used
        are idle.
      </li>
      <li>
        This is no invoice of Microsoft’s. What it says of calls is what the gateway saw; it does not know of traffic
        past it.
      </li>
      ${note === null ? null : html`<li>${note}</li>`}
    </ul>
  </section>`;
}

function foot({ id, keyId, madeBy }: Statement): Html {
  return html`<footer>
    <p>
      Statement ${id}, made by ${madeBy}.
      ${keyId === null ? 'It is not signed.' : html`Where a signature lies beside this file (<code>.sig.json</code>), it is made with the key <code>${keyId}</code>. Check it with <code>tollgate export verify</code>: one changed byte is found.`}
    </p>
  </footer>`;
}
