import type { LedgerSums } from './ports.ts';

export const noSums: LedgerSums = { cost: 0n, listCost: 0n, internalCost: 0n, held: 0n, tokens: 0n, requests: 0n };

export function plus(one: LedgerSums, other: LedgerSums): LedgerSums {
  return {
    cost: one.cost + other.cost,
    listCost: one.listCost + other.listCost,
    internalCost: one.internalCost + other.internalCost,
    held: one.held + other.held,
    tokens: one.tokens + other.tokens,
    requests: one.requests + other.requests,
  };
}
