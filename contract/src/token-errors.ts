import type { ErrorDefinition } from './error-definition.ts';

/** What callers with tokens of Microsoft Entra are answered with. */
export const tokenErrors = {
  missing_token: {
    status: 401,
    type: 'authentication_error',
    plane: 'data',
    meaning: 'The gateway asks for an Entra access token, and the request carries none.',
    remedy: 'Send `Authorization: Bearer` with a token for one of `entra.audiences`.',
  },
  invalid_token: {
    status: 401,
    type: 'authentication_error',
    plane: 'data',
    meaning: 'The access token is not one that the gateway believes; the message says which check it did not pass.',
    remedy: 'Ask Entra for a new token for one of `entra.audiences`, and check the clock.',
  },
  token_not_allowed: {
    status: 403,
    type: 'permission_error',
    plane: 'data',
    meaning:
      'The access token is good, but lacks a role or scope, or no entry of `entra.callers` says whom it stands for.',
    remedy: 'Ask the platform team.',
  },
  caller_not_named: {
    status: 403,
    type: 'permission_error',
    plane: 'data',
    meaning: 'A gateway in front has proven who it is, but names no subscription, or one that does not exist.',
    remedy: 'Let it name one in the header that `front.subscriptionHeader` says.',
  },
  token_keys_unavailable: {
    status: 503,
    type: 'server_error',
    plane: 'data',
    meaning: 'The signature cannot be checked: the keys of the tenant cannot be read from Entra at present.',
    remedy: 'Wait as `retry-after` says.',
  },
} as const satisfies Record<string, ErrorDefinition>;
