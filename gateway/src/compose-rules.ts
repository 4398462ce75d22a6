import { contractedPrices } from '#accounting/cost/config.ts';
import { parseListPrices, type ListPrices } from '#accounting/cost/list-prices.ts';
import { createPriceBook, type ListedPriceBook } from '#accounting/cost/price-book.ts';
import type { LoadResult } from '#config/load.ts';
import { parseModelCatalogue } from '#config/model-catalogue.ts';
import { readShippedData } from '#config/shipped-data.ts';
import type { DeclaredDirectory } from '#directory/ports.ts';
import { ordinaryMeters, type ModelCatalogue } from '#model/model-catalogue.ts';
import type { PtuDeployment } from '#model/ptu.ts';
import { costCentrePath, declaredDirectory, ptuDeployments } from './snapshot.ts';
import { createLoader, type Config } from './config-sections.ts';
import type { Settings } from './settings.ts';

/** What the shipped data and the configuration file say together; everything that a request is judged by. */
export interface Rules {
  readonly catalogue: ModelCatalogue;
  readonly listPrices: ListPrices;
  load(): LoadResult<Config>;
  priceBook(config: Config): ListedPriceBook;
  declared(config: Config): DeclaredDirectory;
  /** The provisioned deployments that are paid by the hour. */
  ptuDeployments(config: Config): readonly PtuDeployment[];
}

export function composeRules(settings: Settings, tokenProviders: readonly string[]): Rules {
  const catalogue = parseModelCatalogue(readShippedData('models.json'));
  const listPrices = parseListPrices(readShippedData('prices.json'));
  const loader = createLoader({ catalogue, zones: listPrices.zones, tokenProviders });
  return {
    catalogue,
    listPrices,
    load: () => loader.load(settings.configFile, settings.environment),
    priceBook: (config) =>
      createPriceBook({
        entries: [...listPrices.entries, ...contractedPrices(config)],
        zones: listPrices.zones,
        ordinaryMeters: (model) => ordinaryMeters(catalogue, model),
      }),
    declared: (config) => ({
      ...declaredDirectory(config),
      costCentres: new Map(Object.keys(config.costCentres).map((name) => [name, costCentrePath(config, name)])),
      models: new Set(Object.keys(config.models)),
    }),
    ptuDeployments,
  };
}
