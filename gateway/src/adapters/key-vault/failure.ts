import type { Clock } from '#kernel/clock.ts';
import type { KeyVaultReference } from '#kernel/key-vault-reference.ts';
import { NoToken } from '#proxy/upstream/ports.ts';
import { bodyOf, reasonOf, statusOf, waitOf } from '#adapters/azure-identity/rest-error.ts';

/** Why a secret was not read, in words of ours. */
export interface VaultFailure {
  readonly problem: string;
  readonly fix: string;
  /** Whether it is worth while to ask again at once, when a gateway starts. */
  readonly mayPass: boolean;
  /** How long the vault asks to be left alone. */
  readonly waitMs: number;
}

const role = 'Key Vault Secrets User';

/** `SecretDisabled`, `ForbiddenByFirewall`, … of what the library throws. */
function innerCode(error: unknown): string {
  const [, code = ''] = /"innererror":\{"code":"(\w+)"/.exec(bodyOf(error)) ?? [];
  return code === '' && error instanceof Error && error.message.includes('disabled secret') ? 'SecretDisabled' : code;
}

function forbidden(error: unknown, { vault }: KeyVaultReference): Pick<VaultFailure, 'problem' | 'fix'> {
  const code = innerCode(error);
  if (code === 'SecretDisabled') return { problem: 'is disabled', fix: 'Enable it, or set a new version.' };
  if (code === 'ForbiddenByFirewall')
    return {
      problem: `may not be read from this network (403)`,
      fix: `Let the gateway's network into the firewall of ${vault}.`,
    };
  return {
    problem: 'may not be read by the gateway (403)',
    fix: `Give its identity the role ${role} on the vault; it takes some minutes until that holds.`,
  };
}

/** What went wrong with reading a secret. Shows nothing of it but where it stands. */
export function failureOf(error: unknown, reference: KeyVaultReference, clock: Clock): VaultFailure {
  const { vault } = reference;
  const status = statusOf(error);
  const waitMs = waitOf(error, clock);
  if (error instanceof NoToken)
    return {
      problem: 'cannot be read: the gateway has no access token',
      fix: 'Give it an identity, and say which in AZURE_CLIENT_ID where there are several.',
      mayPass: true,
      waitMs,
    };
  if (status === 401)
    return {
      problem: `cannot be read: the vault does not take the gateway's token (401)`,
      fix: 'Is the vault in the tenant of the identity, and its cloud the right one?',
      mayPass: false,
      waitMs,
    };
  if (status === 403) return { ...forbidden(error, reference), mayPass: false, waitMs };
  if (status === 404)
    return { problem: 'does not exist', fix: 'Set it, or correct its name and version.', mayPass: false, waitMs };
  const what =
    status === undefined ? `the vault cannot be reached (${reasonOf(error)})` : `the vault answers ${status}`;
  return {
    problem: `cannot be read: ${what}`,
    fix: `Start the gateway again when ${vault} answers; is the network open to it?`,
    mayPass: true,
    waitMs,
  };
}
