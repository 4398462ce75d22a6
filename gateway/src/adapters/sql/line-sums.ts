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
  #large = 0n;
  /** What has not been added to the other yet; BigInts cost ten times as much. */
  #small = 0;

  constructor({ layer, meter, priceId, standing }: LineName) {
    this.layer = layer;
    this.meter = meter;
    this.priceId = priceId;
    this.standing = standing;
  }

  /** 10^-9 USD. */
  get nanoUsd(): bigint {
    return this.#large + BigInt(this.#small);
  }

  add(units: number, nanoUsd: string): void {
    this.units += units;
    if (nanoUsd.length > mostDigits) this.#large += BigInt(nanoUsd);
    else {
      this.#small += Number(nanoUsd);
      if (Math.abs(this.#small) > largestSmall) this.#carry();
    }
  }

  merge(other: Sum): void {
    this.units += other.units;
    this.#large += other.nanoUsd;
  }

  #carry(): void {
    this.#large += BigInt(this.#small);
    this.#small = 0;
  }
}

const mostDigits = 15;
/** Far enough below 2^53 for one more. */
const largestSmall = 2 ** 52;

function unlike(): never {
  throw new TypeError('These are no cost lines.');
}

/** Cost lines added up by layer, meter, price and what they are part of. */
export class LineSums {
  /** By price id, which names layer and meter too wherever Tollgate makes it. */
  readonly #sums = new Map<string, Sum[]>();

  /** `text`: as `ledgerLinesText` makes it. */
  add(text: string): void {
    if (text === '[]') return;
    const lines = parseJson(text);
    if (!Array.isArray(lines)) return unlike();
    for (const line of lines) this.#addLine(line);
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
    return made;
  }
}
