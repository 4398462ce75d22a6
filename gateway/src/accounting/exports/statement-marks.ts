import { html, type Html } from './html.ts';
import type { AdjustmentGroup, Statement } from './statement.ts';
import { columnUsd, counted, dayText, exactUsd, grouped } from './statement-words.ts';

interface Mark {
  readonly count: bigint;
  readonly label: string;
  readonly says: string;
}

function marksOf({ counts }: Statement): readonly Mark[] {
  return [
    {
      count: counts.unpriced,
      label: 'Requests without a price',
      says: 'A price is missing for something they used. Their cost is not known and not in the total.',
    },
    {
      count: counts.unknownUsage,
      label: 'Requests of unknown usage',
      says: 'A prompt was filtered, an upstream broke off, the gateway was stopped: nobody said what was used. Not in the total.',
    },
    {
      count: counts.deliveredOnly,
      label: 'Broken-off requests',
      says: 'Counted from what was delivered: their output, and so their cost, is a lower bound.',
    },
    {
      count: counts.estimated,
      label: 'Requests with an estimate',
      says: 'Azure reported no usage for them. Their input is counted by the tokenizer of the model.',
    },
  ];
}

/** What the numbers do not know: always there, also where there is nothing of it. */
export function openPoints(statement: Statement): Html {
  const { heldNano } = statement.counts;
  return html`<section aria-label="Open points">
    <h2>What these numbers do not know</h2>
    <div class="open">
      ${marksOf(statement).map(
        ({ count, label, says }) =>
          html`<div class="${count > 0n ? 'some' : ''}">
            <strong>${grouped(count)}</strong><span class="label">${label}</span>
            <p>${says}</p>
          </div> `,
      )}
    </div>
    ${heldNano === 0n ? null : html`<p class="notice">Budgets hold ${exactUsd(heldNano)} USD beside the amount, because such requests may have cost that much. It is not part of the total.</p>`}
  </section>`;
}

const kinds: Readonly<Record<AdjustmentGroup['kind'], string>> = {
  correction: 'Correction',
  'write-off': 'Write-off of what was held',
};

/** What was booked beside usage and counts in this month. It is part of the lines above. */
export function adjustmentSection({ adjustments, timeZone }: Statement): Html {
  const intro =
    adjustments.length === 0
      ? 'None was booked for this month.'
      : 'Booked for this month, and part of the lines above: nothing was edited.';
  return html`<section aria-label="Corrections">
    <h2>Corrections</h2>
    <p class="lead">${intro}</p>
    ${adjustments.length === 0 ? null : table(adjustments, timeZone)}
  </section>`;
}

function table(adjustments: readonly AdjustmentGroup[], timeZone: string): Html {
  return html`<table>
    <colgroup>
      <col style="width: 42mm" />
      <col />
      <col style="width: 40mm" />
      <col style="width: 29mm" />
      <col style="width: 25mm" />
    </colgroup>
    <thead>
      <tr>
        <th scope="col">What</th>
        <th scope="col">Why</th>
        <th scope="col">Booked</th>
        <th scope="col" class="number">Cost, USD</th>
        <th scope="col" class="number">Held, USD</th>
      </tr>
    </thead>
    <tbody>
      ${adjustments.map(
        (one) =>
          html`<tr>
            <td>${kinds[one.kind]}, ${counted(one.count, 'call')}</td>
            <td>${one.reason}</td>
            <td>${booked(one, timeZone)}</td>
            <td class="number">${columnUsd(one.costNano)}</td>
            <td class="number">${columnUsd(one.heldNano)}</td>
          </tr> `,
      )}
    </tbody>
  </table>`;
}

function booked({ bookedFrom, bookedTo }: AdjustmentGroup, timeZone: string): string {
  const [first, last] = [dayText(bookedFrom, timeZone), dayText(bookedTo, timeZone)];
  return first === last ? first : `${first} – ${last}`;
}
