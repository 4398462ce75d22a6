import { Failure } from '#kernel/errors.ts';
import type { PolicyStep } from '#proxy/policies/policy.ts';

/** Refuses a call that might be served by a deployment without a price, where the product says so. */
export const unpriced = {
  name: 'unpriced',
  section: 'inbound',
  judgesModel: true,
  run({ exchange, caller, route }) {
    if (caller.subscription.product.unpriced === 'allow-and-flag') return;
    const { prices } = exchange.snapshot;
    for (const endpoint of route.endpoints) {
      if (prices.missing(endpoint, exchange.receivedAt).length > 0) {
        throw new Failure(
          'model_unpriced',
          'This model has a deployment without a price, and the product refuses unpriced calls.',
          { param: 'model' },
        );
      }
    }
  },
} as const satisfies PolicyStep;
