import { createHmac } from 'node:crypto';
import type { Caller } from '#model/admission.ts';
import type { EndUserTerms } from '#model/end-users.ts';
import type { Exchange } from '#model/exchange.ts';
import type { ChargedTo } from '#model/usage-record.ts';

/** OpenAI's own limit is 64 characters for `safety_identifier`, 512 is what some clients send as `user`. */
const longestId = 512;
const hashLength = 32;

/** One value per caller and end user, as the journal and limits want it: identity matters. So many are kept a caller. */
const mostKept = 10_000;
const charged = new WeakMap<ChargedTo, Map<string, ChargedTo>>();

function idOf({ headers, body }: Exchange, { header }: EndUserTerms): string | undefined {
  const fromHeader = header === null ? undefined : headers[header];
  const given = [fromHeader, body.json['safety_identifier'], body.json['user']];
  const texts = given.filter((one) => typeof one === 'string');
  return texts.find((one) => one.trim() !== '' && one.length <= longestId);
}

/** 128 bits of an HMAC-SHA256, in hex: nobody without the key finds out whose it is, or whether it is a given person's. */
export function endUserHash(id: string, key: string): string {
  return createHmac('sha256', key).update(id).digest('hex').slice(0, hashLength);
}

/** The caller with its end user, where they are told apart and the call names one; else the same caller. */
export function withEndUser(caller: Caller, exchange: Exchange): Caller {
  const terms = exchange.snapshot.endUsers;
  if (terms === null) return caller;
  const id = idOf(exchange, terms);
  if (id === undefined) return caller;
  return { subscription: caller.subscription, chargedTo: chargedTo(caller.chargedTo, endUserHash(id, terms.key)) };
}

function chargedTo(caller: ChargedTo, endUser: string): ChargedTo {
  let known = charged.get(caller);
  if (known === undefined) charged.set(caller, (known = new Map()));
  let value = known.get(endUser);
  if (value === undefined) {
    if (known.size >= mostKept) known.clear();
    known.set(endUser, (value = { ...caller, endUser }));
  }
  return value;
}
