import type { Product, Subscription } from '@tollgate/contract/admin-api/subscriptions.ts';
import type { MergedProduct, MergedSubscription } from './merge.ts';

export function productView({ product, declaredIn }: MergedProduct): Product {
  return {
    name: product.name,
    models: [...product.models],
    caps: { ...product.caps },
    unpriced: product.unpriced,
    declaredIn,
  };
}

/** `now`: UTC ms. */
export function subscriptionView(one: MergedSubscription, now: number): Subscription {
  const { subscription } = one;
  return {
    name: subscription.name,
    product: subscription.product.name,
    consumer: subscription.consumer,
    costCentre: subscription.costCentrePath,
    state: stateOf(one, now),
    expiresAt: timeText(subscription.expiresAt),
    declaredIn: one.declaredIn,
    keys: { primary: one.keys.primary !== null, secondary: one.keys.secondary !== null },
    createdAt: timeText(one.createdAt),
  };
}

function stateOf({ subscription }: MergedSubscription, now: number): Subscription['state'] {
  if (subscription.suspended) return 'suspended';
  return subscription.expiresAt !== null && subscription.expiresAt <= now ? 'expired' : 'active';
}

/** RFC 3339 in UTC, from UTC ms. */
export function timeText(time: number): string;
export function timeText(time: number | null): string | null;
export function timeText(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}
