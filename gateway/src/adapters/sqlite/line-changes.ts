import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { dayMs } from '#accounting/ledger/ports.ts';
import type { LedgerLine } from '#model/money.ts';
import type { Place } from './roll-up-changes.ts';

interface Change {
  readonly day: number;
  readonly place: Place;
  readonly line: LedgerLine;
  units: number;
  nanoUsd: bigint;
}

/** What a batch adds to the cost lines of its days. */
export class LineChanges {
  readonly #upsert: StatementSync;
  readonly #changes = new Map<string, Change>();

  constructor(connection: DatabaseSync) {
    this.#upsert = connection.prepare(
      `insert into usage_line (day, series, outcome, layer, meter, price_id, standing, units, nano_usd)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?)
       on conflict do update set units = units + excluded.units, nano_usd = nano_usd + excluded.nano_usd`,
    );
  }

  add(place: Place, lines: readonly LedgerLine[]): void {
    const day = Math.floor(place.at / dayMs);
    for (const line of lines) {
      const key = `${day} ${place.series} ${place.outcome} ${line.layer} ${line.meter} ${line.priceId} ${line.standing}`;
      const change = this.#changes.get(key);
      if (change === undefined) this.#changes.set(key, { day, place, line, units: line.units, nanoUsd: line.nanoUsd });
      else {
        change.units += line.units;
        change.nanoUsd += line.nanoUsd;
      }
    }
  }

  write(): void {
    for (const { day, place, line, units, nanoUsd } of this.#changes.values()) {
      const { layer, meter, priceId, standing } = line;
      this.#upsert.run(day, place.series, place.outcome, layer, meter, priceId, standing, units, nanoUsd);
    }
    this.#changes.clear();
  }

  forget(): void {
    this.#changes.clear();
  }
}
