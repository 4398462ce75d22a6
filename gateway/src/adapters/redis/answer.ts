import {
  CountersUnavailable,
  type AccountState,
  type Answer,
  type AskAnswer,
  type Exchange,
  type Lacking,
  type PermitState,
  type RateState,
} from '#accounting/budgets/ports.ts';
import { isJsonObject, parseJson, type Json, type JsonObject } from '#kernel/json.ts';

/** Whatever answers in the place of the counters, nothing of it is believed that is not as it should be. */
function garbage(): never {
  throw new CountersUnavailable('What answers is no set of counters.');
}

const objectIn = (value: Json | undefined): JsonObject => (isJsonObject(value) ? value : garbage());
const numberIn = (value: Json | undefined): number =>
  typeof value === 'number' && Number.isFinite(value) ? value : garbage();
const textIn = (value: Json | undefined): string => (typeof value === 'string' ? value : garbage());
const flagIn = (value: Json | undefined): boolean => (typeof value === 'boolean' ? value : garbage());
const amountIn = (value: Json | undefined): bigint =>
  typeof value === 'string' && /^-?\d+$/.test(value) ? BigInt(value) : garbage();

/** A list of this length; Lua writes an empty one as `{}`. */
function listIn(value: Json | undefined, length: number): readonly Json[] {
  if (Array.isArray(value) && value.length === length) return value;
  return length === 0 && isJsonObject(value) && Object.keys(value).length === 0 ? [] : garbage();
}

function accountState(value: Json): AccountState {
  const { granted, kept, spent, unknown, inFlight, totalGranted, built } = objectIn(value);
  return {
    granted: amountIn(granted),
    kept: amountIn(kept),
    total: { spent: amountIn(spent), unknown: amountIn(unknown), inFlight: amountIn(inFlight) },
    totalGranted: amountIn(totalGranted),
    built: flagIn(built),
  };
}

function rateState(value: Json): RateState {
  const { available, resetMs } = objectIn(value);
  return { available: numberIn(available), resetMs: numberIn(resetMs) };
}

const permitState = (value: Json): PermitState => ({ held: numberIn(objectIn(value)['held']) });

function placeIn(value: Json | undefined, length: number): number {
  const place = numberIn(value);
  return Number.isInteger(place) && place >= 0 && place < length ? place : garbage();
}

function lackingIn(value: Json, { accounts, rates, permits }: Exchange): Lacking {
  const { kind, account, rate, permit, waitMs } = objectIn(value);
  if (kind === 'account') return { kind, account: placeIn(account, accounts.length) };
  if (kind === 'rate') return { kind, rate: placeIn(rate, rates.length), waitMs: numberIn(waitMs) };
  return kind === 'permit' ? { kind, permit: placeIn(permit, permits.length) } : garbage();
}

function askAnswer(value: Json, takes: number, exchange: Exchange): AskAnswer {
  const { granted, taken, lacking } = objectIn(value);
  if (flagIn(granted)) return { granted: true, taken: listIn(taken, takes).map(numberIn) };
  if (!Array.isArray(lacking) || lacking.length === 0) return garbage();
  return { granted: false, lacking: lacking.map((one: Json) => lackingIn(one, exchange)) };
}

/** What a script has answered, and what proves that it is the answer to this exchange. */
export interface Read {
  readonly number: number;
  readonly generation: number;
  readonly answer: Omit<Answer, 'left'>;
}

/** Checked against what was asked. Throws CountersUnavailable. */
export function readAnswer(reply: unknown, exchange: Exchange): Read {
  const read = objectIn(typeof reply === 'string' ? parseJson(reply) : undefined);
  return {
    number: numberIn(read['number']),
    generation: numberIn(read['generation']),
    answer: answerIn(read, exchange),
  };
}

function answerIn(answer: JsonObject, exchange: Exchange): Omit<Answer, 'left'> {
  return {
    epoch: textIn(answer['epoch']),
    closedMs: numberIn(answer['closedMs']),
    time: numberIn(answer['time']),
    gateways: Math.max(1, numberIn(answer['gateways'])),
    accounts: listIn(answer['accounts'], exchange.accounts.length).map(accountState),
    rates: listIn(answer['rates'], exchange.rates.length).map(rateState),
    permits: listIn(answer['permits'], exchange.permits.length).map(permitState),
    asks: listIn(answer['asks'], exchange.asks.length).map((one, at) =>
      askAnswer(one, exchange.asks[at]?.takes.length ?? 0, exchange),
    ),
  };
}
