import type { ErrorDefinition } from './error-definition.ts';

/** What limits and budgets answer with. */
export const limitErrors = {
  rate_limit_exceeded: {
    status: 429,
    type: 'rate_limit_error',
    plane: 'data',
    meaning: 'A limit on requests or tokens per period is used up; the message names the node and the limit.',
    remedy: 'Wait as `retry-after` says.',
  },
  concurrency_limit_exceeded: {
    status: 429,
    type: 'rate_limit_error',
    plane: 'data',
    meaning: 'As many requests are under way as the node may have at once.',
    remedy: 'Try again when one of them has ended.',
  },
  budget_held: {
    status: 429,
    type: 'rate_limit_error',
    plane: 'data',
    meaning:
      'What a hard budget has left is reserved by calls under way: each is held at the most that it may cost until its cost is known.',
    remedy: 'Try again shortly; name a lower output cap, so that less is reserved.',
  },
  budget_exhausted: {
    status: 403,
    type: 'permission_error',
    plane: 'data',
    meaning:
      'A hard budget has not enough left for what the call may cost: spent, or held for calls whose cost nobody knows.',
    remedy: 'Wait for the next window (the message says when), ask for less output, or have the budget topped up.',
  },
  quota_held: {
    status: 429,
    type: 'rate_limit_error',
    plane: 'data',
    meaning: 'What a quota of tokens or requests has left is reserved by calls under way.',
    remedy: 'Try again shortly.',
  },
  quota_exhausted: {
    status: 403,
    type: 'permission_error',
    plane: 'data',
    meaning: 'A quota of tokens or requests has not enough left for the call.',
    remedy: 'Wait for the next window (the message says when), or ask for less output.',
  },
  unbounded_cost: {
    status: 400,
    type: 'invalid_request_error',
    plane: 'data',
    meaning:
      'The caller has a hard budget, and nothing bounds what the call may cost (no output cap, hosted tools without `max_tool_calls`, a model without published limits); `param` names what is missing.',
    remedy: 'Send the parameter that the message names, or have a cap set on the product.',
  },
  counters_unavailable: {
    status: 503,
    type: 'server_error',
    plane: 'data',
    meaning:
      'The caller has a hard budget, and what is left of it cannot be told now: the shared counters or the ledger cannot be reached, or are being rebuilt.',
    remedy: 'Try again as `retry-after` says.',
  },
} as const satisfies Record<string, ErrorDefinition>;
