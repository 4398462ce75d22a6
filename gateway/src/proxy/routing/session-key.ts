import { hashOf } from '#kernel/hash.ts';
import type { Caller } from '#model/admission.ts';
import type { Exchange } from '#model/exchange.ts';
import type { SessionKey } from '#model/model-route.ts';
import type { Pool } from './pool.ts';

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** Where each kind of key is found. */
const readers: Readonly<
  Record<Exclude<SessionKey['from'], 'header'>, (exchange: Exchange, caller: Caller) => string | undefined>
> = {
  prompt_cache_key: ({ body }) => textOf(body.json['prompt_cache_key']),
  user: ({ body }) => textOf(body.json['safety_identifier']) ?? textOf(body.json['user']),
  subscription: (_exchange, caller) => caller.subscription.name,
  consumer: (_exchange, caller) => caller.chargedTo.consumer,
};

function keyOf(key: SessionKey, exchange: Exchange, caller: Caller): string | undefined {
  return key.from === 'header' ? textOf(exchange.headers[key.name]) : readers[key.from](exchange, caller);
}

/**
 * What a call's session is, as a number; undefined where the call has none, or nothing goes by it. With the subscription in
 * it: what one caller names says nothing of where another one's calls go.
 */
export function sessionHashOf(pool: Pool, exchange: Exchange, caller: Caller): number | undefined {
  const { sessionKey } = pool;
  if (sessionKey === null) return undefined;
  const key = keyOf(sessionKey, exchange, caller);
  return key === undefined ? undefined : hashOf(`${caller.subscription.name} ${key}`);
}
