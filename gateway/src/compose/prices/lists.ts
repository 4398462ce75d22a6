import { createHash } from 'node:crypto';
import path from 'node:path';
import {
  listPricesOf,
  parseListPrices,
  readPriceFile,
  type ListPrices,
  type PriceFile,
} from '#accounting/cost/list-prices.ts';
import { mergeLists } from '#accounting/cost/merge-lists.ts';
import type { PriceFileStore } from '#accounting/retail/ports.ts';
import { priceFiles } from '#adapters/price-file/price-file.ts';
import { showPath, type ConfigProblem } from '#config/problem.ts';
import { readShippedData } from '#config/shipped-data.ts';
import type { Config } from '#config-sections.ts';
import type { Settings } from '#settings.ts';

/** The list prices that a configuration is used with. */
export interface LoadedList {
  /** Shipped, and read from Azure since. */
  readonly prices: ListPrices;
  /** What was read from Azure; undefined where nothing was. */
  readonly read: PriceFile | undefined;
  /** Its text; null where there is no file. */
  readonly text: string | null;
  /** Changes with the text. */
  readonly digest: string;
}

export type ListResult =
  | { readonly ok: true; readonly list: LoadedList }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** The shipped list prices, and the file that `prices sync` writes beside them. */
export class PriceLists {
  readonly shipped: ListPrices = parseListPrices(readShippedData('prices.json'));
  readonly #settings: Settings;
  readonly #files: PriceFileStore;

  constructor(settings: Settings, files: PriceFileStore = priceFiles) {
    this.#settings = settings;
    this.#files = files;
  }

  pathFor(config: Pick<Config, 'priceFile'>): string {
    return config.priceFile === undefined
      ? path.join(this.#settings.dataFolder, 'list-prices.json')
      : path.resolve(path.dirname(this.#settings.configFile), config.priceFile);
  }

  load(config: Pick<Config, 'priceFile'>): ListResult {
    const file = this.pathFor(config);
    try {
      return this.parse(file, this.#files.read(file));
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : 'it cannot be read';
      return { ok: false, problems: [problemAt(file, { message: reason, fix: 'Make it readable for the gateway.' })] };
    }
  }

  /** What a text would mean as the price file. */
  parse(file: string, text: string | null): ListResult {
    const digest = text === null ? '' : createHash('sha256').update(text).digest('hex').slice(0, 16);
    if (text === null) return { ok: true, list: { prices: this.shipped, read: undefined, text, digest } };
    const read = readPriceFile(text, this.shipped.zones);
    if (!read.ok) return { ok: false, problems: read.problems.map((one) => problemAt(file, one)) };
    const prices = mergeLists(this.shipped, listPricesOf(read.file));
    return { ok: true, list: { prices, read: read.file, text, digest } };
  }

  /** Throws where it cannot be written; then nothing has changed. */
  write(file: string, text: string | null): void {
    this.#files.replace(file, text);
  }
}

function problemAt(
  file: string,
  found: {
    readonly line?: number;
    readonly column?: number;
    readonly path?: readonly (string | number)[];
    readonly message: string;
    readonly fix: string;
  },
): ConfigProblem {
  const { line = 0, column = 0, path: at = [], message, fix } = found;
  return { file, line, column, path: showPath(at), message, fix, severity: 'error' };
}
