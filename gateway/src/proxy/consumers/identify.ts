import { hash } from 'node:crypto';
import { Failure } from '#kernel/errors.ts';
import type { Caller } from '#model/admission.ts';
import type { Arrival } from '#model/arrival.ts';
import type { Subscription } from '#model/caller.ts';
import type { TokenClaims, TokenTerms } from '#model/token-terms.ts';
import type { ChargedTo } from '#model/usage-record.ts';
import { subscriptionByFront } from './front.ts';
import type { TokenVerifier } from './ports.ts';
import { subscriptionOf } from './token-rules.ts';

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
 * Step 2 of a request: who is calling. By key at once; a promise where the signature of an access token has to be
 * checked.
 */
export function identify(arrival: Arrival, tokens: TokenVerifier): Caller | Promise<Caller> {
  const { entra, front } = arrival.snapshot;
  const named = front === null ? undefined : subscriptionByFront(arrival, front);
  if (named !== undefined) return callerOf(named, arrival);
  if (entra === null) return byKey(arrival);
  // A request with a key is judged by it, whatever else it carries: nobody falls back from a wrong key to a token.
  if (entra.proof === 'key-or-token' && (arrival.presentedKey !== null || arrival.presentedToken === null))
    return byKey(arrival);
  if (arrival.presentedToken === null)
    throw new Failure('missing_token', `Send Authorization: Bearer with a token for ${entra.audiences.join(' or ')}.`);
  // What costs no signature first.
  const keyed = entra.proof === 'key-and-token' ? subscriptionByKey(arrival) : undefined;
  const claims = tokens.verify(arrival.presentedToken, entra);
  return claims instanceof Promise
    ? claims.then((one) => byToken(arrival, { claims: one, terms: entra, keyed }))
    : byToken(arrival, { claims, terms: entra, keyed });
}

function byKey(arrival: Arrival): Caller {
  return callerOf(subscriptionByKey(arrival), arrival);
}

/**
 * The key is looked up by its SHA-256: keys are 256 random bits, so the time of a look-up among digests tells nothing
 * about a key.
 */
function subscriptionByKey(arrival: Arrival): Subscription {
  const key = arrival.presentedKey;
  if (key === null) {
    if (arrival.presentedToken !== null && arrival.snapshot.entra === null)
      throw new Failure('invalid_api_key', 'This is an access token; callers are known by subscription keys here.');
    throw new Failure(
      'missing_api_key',
      'Send a subscription key as api-key, Authorization: Bearer or Ocp-Apim-Subscription-Key.',
    );
  }
  const subscription =
    key.length > longestKey ? undefined : arrival.snapshot.directory.byKeyDigest(hash('sha256', key, 'hex'));
  if (subscription === undefined) throw new Failure('invalid_api_key', 'No subscription has this key.');
  return subscription;
}

interface Token {
  readonly claims: TokenClaims;
  readonly terms: TokenTerms;
  /** Whose key came with it; undefined where none is asked for. */
  readonly keyed: Subscription | undefined;
}

function byToken(arrival: Arrival, { claims, terms, keyed }: Token): Caller {
  const subscription = subscriptionOf(arrival, claims, terms);
  if (keyed !== undefined && keyed !== subscription)
    throw new Failure('token_not_allowed', 'The key and the token belong to different subscriptions.');
  return callerOf(subscription, arrival);
}

function callerOf(subscription: Subscription, arrival: Arrival): Caller {
  if (subscription.suspended)
    throw new Failure('subscription_suspended', `The subscription '${subscription.name}' is suspended.`);
  if (subscription.expiresAt !== null && subscription.expiresAt <= arrival.receivedAt) {
    throw new Failure('subscription_expired', `The subscription '${subscription.name}' has expired.`);
  }
  return { subscription, chargedTo: chargedTo(subscription) };
}
