import type { ConfigFinding } from '#kernel/config-section.ts';
import type { PriceBook } from '#model/price-book.ts';
import type { Snapshot } from '#model/snapshot.ts';
import type { Config } from './config-sections.ts';

interface InForce {
  readonly models: Snapshot['models'];
  readonly prices: PriceBook;
  /** UTC ms. */
  readonly at: number;
}

/** Models that a product lists, and refuses all the same, because one of their endpoints has no price. */
export function refusedModels(config: Config, { models, prices, at }: InForce): readonly ConfigFinding[] {
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
