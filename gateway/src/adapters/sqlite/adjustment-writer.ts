import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { requestBits, type Adjustment, type Posting } from '#accounting/ledger/ports.ts';
import { ledgerLinesText } from '#model/cost-lines.ts';
import type { Place } from '../sql/roll-up-sums.ts';
import type { RollUpChanges } from './roll-up-changes.ts';
import { integerOf, type SeriesIds } from './series-ids.ts';

export interface AdjustmentWriterParts {
  readonly connection: DatabaseSync;
  readonly series: SeriesIds;
  readonly sums: RollUpChanges;
}

interface Attempt {
  readonly place: Place;
  readonly id: string;
  readonly attempt: number;
  readonly qualifies: number;
  readonly counts: number;
}

/** Writes adjustments, and what a correction changes about the counts that attempts carry for their requests. */
export class AdjustmentWriter {
  readonly #parts: AdjustmentWriterParts;
  readonly #insert: StatementSync;
  readonly #insertPosting: StatementSync;
  readonly #requestOf: StatementSync;
  readonly #attemptsOf: StatementSync;
  readonly #setBits: StatementSync;
  readonly #latest: StatementSync;
  /** Whether any record has been corrected: as long as none has, nobody looks for corrections. */
  #anyCorrection: boolean;

  constructor(parts: AdjustmentWriterParts) {
    const { connection } = parts;
    this.#parts = parts;
    this.#insert = connection.prepare(
      `insert into ledger_adjustment (id, kind, at, booked_at, of_at, of_id, qualifies, detail, journal)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict do nothing`,
    );
    this.#insertPosting = connection.prepare(
      `insert into ledger_posting (at, adjustment, position, series, outcome, cost, list_cost, internal_cost, held,
         priced_attempts, list_priced_attempts, internal_priced_attempts, lines, journal)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#requestOf = connection.prepare('select request_id from usage_record where at = ? and id = ?');
    // The corrected attempt is found by its key: with nothing but the plain count, the index does not hold it.
    this.#attemptsOf = connection.prepare(
      `select at, id, attempt, series, outcome, qualifies, counts from usage_record
       where (request_id = ? and qualifies > 1) or (at = ? and id = ?)`,
    );
    this.#setBits = connection.prepare('update usage_record set qualifies = ?, counts = ? where at = ? and id = ?');
    this.#latest = connection.prepare(
      `select qualifies from ledger_adjustment where of_at = ? and of_id = ? and qualifies is not null
       order by booked_at desc, id desc limit 1`,
    );
    this.#anyCorrection =
      connection.prepare('select 1 from ledger_adjustment where qualifies is not null limit 1').get() !== undefined;
  }

  /** False where it is there already. */
  add(adjustment: Adjustment, journal: number): boolean {
    const { id, kind, at, bookedAt, of, qualifies, detail } = adjustment;
    const { changes } = this.#insert.run(
      id,
      kind,
      at,
      bookedAt,
      of?.at ?? null,
      of?.id ?? null,
      qualifies,
      detail,
      journal,
    );
    if (changes === 0) return false;
    for (const [position, posting] of adjustment.postings.entries())
      this.#post(adjustment, { posting, position, journal });
    if (qualifies !== null) this.#anyCorrection = true;
    if (of !== null && qualifies !== null) this.requalify(of);
    return true;
  }

  /** What a record qualifies for by its latest correction, which may have come before it; undefined where there is none. */
  correctedBits(at: number, id: string): number | undefined {
    if (!this.#anyCorrection) return undefined;
    const bits = this.#latest.get(at, id)?.['qualifies'];
    return bits === undefined ? undefined : integerOf(bits);
  }

  #post(
    adjustment: Adjustment,
    one: { readonly posting: Posting; readonly position: number; readonly journal: number },
  ) {
    const { posting, position, journal } = one;
    const { series, sums } = this.#parts;
    const { change, outcome } = posting;
    const lines = ledgerLinesText(posting.lines);
    const place: Place = { at: adjustment.at, series: series.of(posting.series), outcome };
    this.#insertPosting.run(
      place.at,
      adjustment.id,
      position,
      place.series,
      outcome,
      change.cost,
      change.listCost,
      change.internalCost,
      change.held,
      change.pricedAttempts,
      change.listPricedAttempts,
      change.internalPricedAttempts,
      lines,
      journal,
    );
    sums.adjust(place, posting, lines);
  }

  /** Gives the counts of a request to the attempts that have to carry them now: each to the lowest-numbered that qualifies. */
  requalify(of: { readonly at: number; readonly id: string }): void {
    const requestId = this.#requestOf.get(of.at, of.id)?.['request_id'];
    // The record may come later; then it takes the correction with it.
    if (requestId === undefined) return;
    const bits = this.correctedBits(of.at, of.id);
    const attempts = this.#attemptsOf
      .all(String(requestId), of.at, of.id)
      .map(attemptOf)
      .map((one) => (one.id === of.id && bits !== undefined ? { ...one, qualifies: bits } : one))
      .toSorted((one, other) => one.attempt - other.attempt);
    let taken = 0;
    for (const one of attempts) {
      const flags = one.qualifies & ~requestBits.request & ~taken;
      taken |= flags;
      this.#setCounts(one, flags | (one.qualifies & requestBits.request));
    }
  }

  #setCounts(one: Attempt, counts: number): void {
    this.#setBits.run(one.qualifies, counts, one.place.at, one.id);
    this.#parts.sums.carry(one.place, { bits: counts & ~one.counts, sign: 1 });
    this.#parts.sums.carry(one.place, { bits: one.counts & ~counts, sign: -1 });
  }
}

function attemptOf(row: Record<string, unknown>): Attempt {
  return {
    place: { at: integerOf(row['at']), series: integerOf(row['series']), outcome: String(row['outcome']) },
    id: String(row['id']),
    attempt: integerOf(row['attempt']),
    qualifies: integerOf(row['qualifies']),
    counts: integerOf(row['counts']),
  };
}
