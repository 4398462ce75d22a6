import type { Clock } from '#kernel/clock.ts';
import type { KeyVaultReference } from '#kernel/key-vault-reference.ts';
import { NoToken } from '#proxy/upstream/ports.ts';
import { statusOf } from './vault-client.ts';

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
  return (
    /"innererror":\{"code":"(\w+)"/.exec(textOf(error))?.[1] ??
    (/disabled secret/.test(textOf(error)) ? 'SecretDisabled' : '')
  );
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const body: unknown = 'response' in error ? bodyOf(error.response) : '';
  return `${error.message} ${typeof body === 'string' ? body : ''}`;
}

const bodyOf = (response: unknown): unknown =>
  typeof response === 'object' && response !== null && 'bodyAsText' in response ? response.bodyAsText : '';

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

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no reason given';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}

/** `retry-after-ms`, `Retry-After` in seconds or as a date; 0 where it says nothing. */
function waitOf(error: unknown, clock: Clock): number {
  const headers = headersOf(error);
  const ms = Number(headers?.get('retry-after-ms'));
  if (ms > 0) return ms;
  const after = headers?.get('retry-after') ?? '';
  if (/^\d+$/.test(after)) return Number(after) * 1000;
  const at = Date.parse(after);
  return Number.isNaN(at) ? 0 : Math.max(0, at - clock.now());
}

interface Headers {
  get(name: string): string | undefined;
}

function headersOf(error: unknown): Headers | undefined {
  const response: unknown = error instanceof Error && 'response' in error ? error.response : undefined;
  const headers: unknown =
    typeof response === 'object' && response !== null && 'headers' in response ? response.headers : undefined;
  return isHeaders(headers) ? headers : undefined;
}

const isHeaders = (value: unknown): value is Headers =>
  typeof value === 'object' && value !== null && 'get' in value && typeof value.get === 'function';
