import { anyModel } from '#accounting/cost/price-entry.ts';
import type { ConfigFinding, ConfigPath } from '#kernel/config-section.ts';
import { nearest, suggestion } from '#kernel/suggest.ts';
import type { ModelCatalogue } from '#model/model-catalogue.ts';
import type { PriceBook } from '#model/price-book.ts';
import type { Snapshot } from '#model/snapshot.ts';
import type { Config } from '#config-sections.ts';

interface InForce {
  readonly catalogue: ModelCatalogue;
  readonly models: Snapshot['models'];
  readonly prices: PriceBook;
  /** UTC ms. */
  readonly at: number;
}

/** What is doubtful about prices, and can be known only once everything has been read. */
export function priceWarnings(config: Config, inForce: InForce): readonly ConfigFinding[] {
  return [...refusedModels(config, inForce), ...namesOfNothing(config, inForce)];
}

/** Models that a product lists, and refuses all the same, because one of their endpoints has no price. */
function refusedModels(config: Config, { models, prices, at }: InForce): readonly ConfigFinding[] {
  return Object.entries(config.products)
    .filter(([, product]) => product.unpriced === 'refuse')
    .flatMap(([name, product]) =>
      product.models.flatMap((model, index): readonly ConfigFinding[] => {
        const lacking = (models.get(model)?.endpoints ?? []).flatMap((endpoint) => {
          const meters = prices.missing(endpoint, at);
          return meters.length === 0 ? [] : [`'${endpoint.name}' (${meters.join(', ')})`];
        });
        if (lacking.length === 0) return [];
        return [
          {
            path: ['products', name, 'models', index],
            message: `calls to '${model}' are refused, because there is no price for ${lacking.join(' and ')}`,
            fix: 'Add one under `prices`, run `tollgate prices sync`, or set `unpriced: allow-and-flag` for the product.',
            severity: 'warning',
          },
        ];
      }),
    );
}

/** Prices and rates for what nobody knows never hold: most likely the name is misspelt. */
function namesOfNothing(config: Config, { catalogue, at }: InForce): readonly ConfigFinding[] {
  const known = new Set([...catalogue.keys(), ...Object.values(config.endpoints).map((one) => one.model)]);
  const products = Object.keys(config.products);
  const model = (name: string | undefined, path: ConfigPath): readonly ConfigFinding[] => {
    if (name === undefined || name === anyModel || known.has(name)) return [];
    const near = nearest(name, known);
    return [
      {
        path,
        message: `no endpoint has the model '${name}', and it is not in the shipped list of models`,
        fix: near === undefined ? 'Write it as `endpoints` does.' : `Did you mean '${near}'?`,
        severity: 'warning',
      },
    ];
  };
  const product = (name: string | undefined, path: ConfigPath): readonly ConfigFinding[] =>
    name === undefined || products.includes(name)
      ? []
      : [
          {
            path,
            message: `no product of this file is called '${name}': the rate holds only for one that is made over the admin API`,
            fix: suggestion(name, products) ?? 'Check the name.',
            severity: 'warning',
          },
        ];
  return [
    // A reply may name a model otherwise than an endpoint does, and what has ended is there for the past.
    ...config.prices.flatMap((one, index) =>
      one.resolveBy === 'reportedModel' || (one.effectiveTo !== undefined && one.effectiveTo <= at)
        ? []
        : model(one.model, ['prices', index, 'model']),
    ),
    ...config.internalRates.flatMap((one, index) => [
      ...model(one.model, ['internalRates', index, 'model']),
      ...product(one.product, ['internalRates', index, 'product']),
    ]),
  ];
}
