import { hash } from 'node:crypto';
import { Failure } from '#kernel/errors.ts';
import type { Caller } from '#model/admission.ts';
import type { Arrival } from '#model/arrival.ts';
import type { Subscription } from '#model/caller.ts';
import type { ChargedTo } from '#model/usage-record.ts';

/** One value per subscription, so that the journal can keep its text: identity matters, not only content. */
const charged = new WeakMap<Subscription, ChargedTo>();

function chargedTo(subscription: Subscription): ChargedTo {
  let value = charged.get(subscription);
  if (value === undefined) {
    value = {
      subscription: subscription.name,
      product: subscription.product.name,
      consumer: subscription.consumer,
      costCentrePath: subscription.costCentrePath,
      endUser: null,
    };
    charged.set(subscription, value);
  }
  return value;
}

/** Longer than any key that Tollgate makes or accepts by reference: not worth hashing. */
const longestKey = 512;

/**
 * Step 2 of a request: who is calling. The key is looked up by its SHA-256: keys are 256 random bits, so the time of a
 * look-up among digests tells nothing about a key.
 */
export function identify(arrival: Arrival): Caller {
  const key = arrival.presentedKey;
  if (key === null) {
    throw new Failure(
      'missing_api_key',
      'Send a subscription key as api-key, Authorization: Bearer or Ocp-Apim-Subscription-Key.',
    );
  }
  const subscription =
    key.length > longestKey ? undefined : arrival.snapshot.directory.byKeyDigest(hash('sha256', key, 'hex'));
  if (subscription === undefined) throw new Failure('invalid_api_key', 'No subscription has this key.');
  if (subscription.suspended)
    throw new Failure('subscription_suspended', `The subscription '${subscription.name}' is suspended.`);
  if (subscription.expiresAt !== null && subscription.expiresAt <= arrival.receivedAt) {
    throw new Failure('subscription_expired', `The subscription '${subscription.name}' has expired.`);
  }
  return { subscription, chargedTo: chargedTo(subscription) };
}
