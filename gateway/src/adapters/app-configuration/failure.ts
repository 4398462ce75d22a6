import { reasonOf, statusOf, waitOf } from '#adapters/azure-identity/rest-error.ts';
import type { StoreFailure } from '#config/ports.ts';
import type { Clock } from '#kernel/clock.ts';
import { NoToken } from '#proxy/upstream/ports.ts';

const role = 'App Configuration Data Reader';

/** A store that answers, and with what cannot be used. The message is for people. */
export class UnusableAnswer extends Error {
  override readonly name = 'UnusableAnswer';
  readonly fix: string;
  readonly mayPass: boolean;

  constructor(message: string, { fix, mayPass }: Pick<StoreFailure, 'fix' | 'mayPass'>) {
    super(message);
    this.fix = fix;
    this.mayPass = mayPass;
  }
}

/** What went wrong with asking a store, in words of ours. */
export function storeFailureOf(error: unknown, clock: Clock): StoreFailure {
  const status = statusOf(error);
  const waitMs = waitOf(error, clock);
  if (error instanceof UnusableAnswer)
    return { problem: error.message, fix: error.fix, mayPass: error.mayPass, waitMs };
  if (error instanceof NoToken)
    return {
      problem: 'the store cannot be read: the gateway has no access token',
      fix: 'Give it an identity, and say which in AZURE_CLIENT_ID where there are several.',
      mayPass: true,
      waitMs,
    };
  if (status === 401)
    return {
      problem: "the store does not take the gateway's token (401)",
      fix: 'Is the store in the tenant of the identity, and its cloud the right one?',
      mayPass: false,
      waitMs,
    };
  if (status === 403)
    return {
      problem: 'the store may not be read by the gateway (403)',
      fix: `Give its identity the role ${role} on the store, and let its network in; a role takes some minutes until it holds.`,
      mayPass: false,
      waitMs,
    };
  return {
    problem: status === undefined ? `the store cannot be reached (${reasonOf(error)})` : `the store answers ${status}`,
    fix: 'Is the address right, and the network open to it?',
    mayPass: true,
    waitMs,
  };
}
