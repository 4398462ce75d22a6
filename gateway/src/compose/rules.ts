import { configuredPrices } from '#accounting/cost/config.ts';
import { internalRatesOf } from '#accounting/cost/internal-config.ts';
import type { ListPrices } from '#accounting/cost/list-prices.ts';
import { createPriceBook, type ListedPriceBook } from '#accounting/cost/price-book.ts';
import { findConflicts } from '#accounting/cost/price-entry.ts';
import { unitPricesFor } from '#accounting/cost/unit-prices.ts';
import type { LoadResult } from '#config/load.ts';
import { parseModelCatalogue } from '#config/model-catalogue.ts';
import type { SecretValues } from '#config/ports.ts';
import { readShippedData } from '#config/shipped-data.ts';
import { loadFrom, type ConfigSource } from '#config/source.ts';
import type { DeclaredDirectory } from '#directory/ports.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Steps } from '#kernel/steps.ts';
import { ordinaryMeters, type ModelCatalogue } from '#model/model-catalogue.ts';
import type { PtuDeployment } from '#model/ptu.ts';
import { costCentrePath, declaredDirectory, ptuDeployments, routingOf } from '#snapshot.ts';
import { priceWarnings } from '#compose/prices/warnings.ts';
import { replicaWarnings } from './replica-warnings.ts';
import { PriceLists, type ListResult, type LoadedList } from '#compose/prices/lists.ts';
import { createLoader, type Config } from '#config-sections.ts';
import type { Settings } from '#settings.ts';

/** What the shipped data, the price file and the configuration say together; everything that a request is judged by. */
export interface Rules {
  readonly catalogue: ModelCatalogue;
  readonly lists: PriceLists;
  /** The price file belongs to the configuration: where one of them cannot be used, neither is. */
  load(source: ConfigSource): LoadResult<Config>;
  /** Takes over what was loaded, and found to be in order, elsewhere. */
  adopt(config: Config, from: { readonly list: LoadedList; readonly priceBook: string }): void;
  /** The list prices that a loaded configuration came with. */
  listOf(config: Config): LoadedList;
  priceBook(config: Config): ListedPriceBook;
  declared(config: Config): Steps<DeclaredDirectory>;
  /** The provisioned deployments that are paid by the hour. */
  ptuDeployments(config: Config): readonly PtuDeployment[];
}

export interface RulesOptions {
  readonly tokenProviders: readonly string[];
  readonly clock: Pick<Clock, 'now'>;
  /** Those that stand in Key Vault; without it, nobody asks there. */
  readonly secrets?: SecretValues;
}

export function composeRules(settings: Settings, { tokenProviders, clock, secrets }: RulesOptions): Rules {
  const catalogue = parseModelCatalogue(readShippedData('models.json'));
  const lists = new PriceLists(settings);
  const loader = createLoader({ catalogue, zones: lists.shipped.zones, tokenProviders }, secrets);
  // A price file is read once with its configuration: what is in force does not change under anybody's hands.
  const listsRead = new WeakMap<Config, LoadedList>();
  const listOf = (config: Config): LoadedList => {
    const list = listsRead.get(config);
    if (list === undefined) throw new Error('This configuration was not loaded here.');
    return list;
  };
  const books = new WeakMap<Config, ListedPriceBook>();
  const priceBook = (config: Config): ListedPriceBook => {
    const book = books.get(config) ?? bookOf(config, listOf(config).prices, { catalogue });
    books.set(config, book);
    return book;
  };
  return {
    catalogue,
    lists,
    load(source) {
      const result = loadFrom(loader, source, settings.environment);
      if (!result.ok) return result;
      const { loaded, locate } = result;
      const { config } = loaded;
      const list = withoutConflicts(lists.load(config), lists.pathFor(config));
      if (!list.ok) return { ok: false, problems: [...list.problems, ...loaded.warnings] };
      listsRead.set(config, list.list);
      const found = priceWarnings(config, {
        catalogue,
        models: routingOf({ config, catalogue }).models,
        prices: priceBook(config),
        at: clock.now(),
      });
      const warnings = [...loaded.warnings, ...[...found, ...replicaWarnings(config, settings)].map(locate)];
      return { ok: true, loaded: { ...loaded, warnings, digest: `${loaded.digest}${list.list.digest}` }, locate };
    },
    adopt(config, { list, priceBook: id }) {
      listsRead.set(config, list);
      books.set(config, bookOf(config, list.prices, { catalogue, id }));
    },
    listOf,
    priceBook,
    *declared(config) {
      const costCentres = new Map<string, string>();
      for (const name of Object.keys(config.costCentres)) {
        costCentres.set(name, costCentrePath(config, name));
        yield;
      }
      const models = new Set(Object.keys(config.models));
      return { ...(yield* declaredDirectory(config)), costCentres, models };
    },
    ptuDeployments: (config) => ptuDeployments(config, (endpoint) => unitPricesFor(listOf(config).prices, endpoint)),
  };
}

/** `id`: that of the book of the same prices, which was made before. */
function bookOf(
  config: Config,
  list: ListPrices,
  { catalogue, id }: { readonly catalogue: ModelCatalogue; readonly id?: string },
): ListedPriceBook {
  return createPriceBook({
    ...(id === undefined ? {} : { id }),
    entries: [...list.entries, ...configuredPrices(config)],
    rates: internalRatesOf(config),
    zones: list.zones,
    ordinaryMeters: (model) => ordinaryMeters(catalogue, model),
  });
}

/** Two prices in the list that are equally specific would leave the price of a call to chance. */
export function withoutConflicts(result: ListResult, file: string): ListResult {
  if (!result.ok) return result;
  const conflicts = findConflicts(result.list.prices.entries, result.list.prices.zones);
  if (conflicts.length === 0) return result;
  return {
    ok: false,
    problems: conflicts.map(({ first, second }) => ({
      file,
      line: 0,
      column: 0,
      path: '',
      message: `the list prices '${first.id}' and '${second.id}' are equally specific`,
      fix: 'Delete one of them from the price file, or delete the file and run `tollgate prices sync` again.',
      severity: 'error',
    })),
  };
}
