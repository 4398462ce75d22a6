import { JsonCursor } from '#kernel/json-cursor.ts';
import { parseJson, type Json } from '#kernel/json.ts';

interface LineName {
  readonly layer: string;
  readonly meter: string;
  readonly priceId: string;
  /** Bits of `lineStanding`. */
  readonly standing: number;
}

class Sum implements LineName {
  readonly layer: string;
  readonly meter: string;
  readonly priceId: string;
  readonly standing: number;
  units = 0;
  /** How its lines are written: `["list","input",` units `,"list/gpt-5.4-mini/…","` nano-USD `",3]`. */
  readonly #head: string;
  readonly #middle: string;
  readonly #tail: string;
  #large = 0n;
  /** What has not been added to the other yet; BigInts cost ten times as much. */
  #small = 0;

  constructor({ layer, meter, priceId, standing }: LineName) {
    this.layer = layer;
    this.meter = meter;
    this.priceId = priceId;
    this.standing = standing;
    this.#head = `[${JSON.stringify(layer)},${JSON.stringify(meter)},`;
    this.#middle = `,${JSON.stringify(priceId)},"`;
    this.#tail = `",${standing}]`;
  }

  /** 10^-9 USD. */
  get nanoUsd(): bigint {
    return this.#large + BigInt(this.#small);
  }

  add(units: number, nanoUsd: string): void {
    this.units += units;
    if (nanoUsd.length > mostDigits) this.#large += BigInt(nanoUsd);
    else this.#addSmall(Number(nanoUsd));
  }

  /** Adds the line at the cursor where it is one of these; else nothing changes but the cursor's place. */
  take(cursor: JsonCursor): boolean {
    if (!cursor.has(this.#head)) return false;
    const units = cursor.integerIfAny();
    if (units === undefined || !cursor.has(this.#middle)) return false;
    const nanoUsd = cursor.integerIfAny();
    if (nanoUsd === undefined || !cursor.has(this.#tail)) return false;
    this.units += units;
    this.#addSmall(nanoUsd);
    return true;
  }

  merge(other: Sum): void {
    this.units += other.units;
    this.#large += other.nanoUsd;
  }

  /** The amount is exact as a number. */
  #addSmall(nanoUsd: number): void {
    if (Math.abs(this.#small) > largestSmall || Math.abs(nanoUsd) > largestSmall) {
      this.#large += BigInt(this.#small) + BigInt(nanoUsd);
      this.#small = 0;
    } else this.#small += nanoUsd;
  }
}

const mostDigits = 15;
/** Two of them are exact together. */
const largestSmall = 2 ** 52;

function unlike(): never {
  throw new TypeError('These are no cost lines.');
}

/** One for all: nothing is kept in it between two calls. */
const cursor = new JsonCursor();

/** Cost lines added up by layer, meter, price and what they are part of. */
export class LineSums {
  /** By price id, which names layer and meter too wherever Tollgate makes it. */
  readonly #sums = new Map<string, Sum[]>();
  /** The same in the order in which they came first: nearly every record has the lines of the one before it. */
  readonly #inOrder: Sum[] = [];

  /** `text`: as `ledgerLinesText` makes it. */
  add(text: string): void {
    if (text === '[]') return;
    const left = this.#addKnown(text);
    if (left === undefined) return;
    const lines = parseJson(`[${text.slice(left)}`);
    if (!Array.isArray(lines)) return unlike();
    for (const line of lines) this.#addLine(line);
  }

  /**
   * Adds the lines that have a sum, as far as they come in the sums' order; returns where the first other one begins,
   * undefined where there is none.
   */
  #addKnown(text: string): number | undefined {
    let place = 1;
    for (const sum of this.#inOrder) {
      cursor.begin(text, place);
      if (!sum.take(cursor)) continue;
      if (!cursor.has(',')) return cursor.has(']') ? undefined : unlike();
      place = cursor.at;
    }
    return place;
  }

  merge(other: LineSums): void {
    for (const one of other) this.#sumOf(one).merge(one);
  }

  *[Symbol.iterator](): Iterator<Sum> {
    for (const sums of this.#sums.values()) yield* sums;
  }

  #addLine(line: Json): void {
    if (!Array.isArray(line)) return unlike();
    const [layer, meter, units, priceId, nanoUsd, standing] = line;
    if (typeof layer !== 'string' || typeof meter !== 'string' || typeof priceId !== 'string') return unlike();
    if (typeof units !== 'number' || typeof nanoUsd !== 'string' || typeof standing !== 'number') return unlike();
    this.#sumOf({ layer, meter, priceId, standing }).add(units, nanoUsd);
  }

  #sumOf(name: LineName): Sum {
    let sums = this.#sums.get(name.priceId);
    if (sums === undefined) this.#sums.set(name.priceId, (sums = []));
    for (const one of sums)
      if (one.meter === name.meter && one.layer === name.layer && one.standing === name.standing) return one;
    const made = new Sum(name);
    sums.push(made);
    this.#inOrder.push(made);
    return made;
  }
}
