import { tokenProvider } from '../identity.ts';
import type { Clock } from '#kernel/clock.ts';
import { parseJsonObject, type JsonObject } from '#kernel/json.ts';
import { silentLog } from '#kernel/log.ts';
import { NoToken, type TokenProvider } from '#proxy/upstream/ports.ts';
import { failed, ok, type Check, type Finding } from './finding.ts';

export type ProviderName = Parameters<typeof tokenProvider>[0];

export interface WantedToken {
  readonly provider: string;
  readonly scope: string;
  /** `endpoint weu`. */
  readonly for: string;
}

export type Token = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly why: string };

const advice: Readonly<Record<ProviderName, string>> = {
  'managed-identity':
    'See that this container or machine has an identity, that AZURE_CLIENT_ID is the client id of a user-assigned one, and that ' +
    'IDENTITY_ENDPOINT (or the metadata service) can be reached.',
  'workload-identity':
    'See that the pod has AZURE_FEDERATED_TOKEN_FILE, AZURE_TENANT_ID and AZURE_CLIENT_ID, and that the identity trusts its service ' +
    'account (federated credential).',
  default: 'Sign in: az login, azd auth login, or AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET.',
};

const isProvider = (name: string): name is ProviderName => Object.hasOwn(advice, name);

/** Tokens as the gateway gets them: one cache for each provider. */
export class Tokens {
  readonly #clientId: string | undefined;
  readonly #clock: Clock;
  readonly #providers = new Map<ProviderName, TokenProvider>();

  constructor(clientId: string | undefined, clock: Clock) {
    this.#clientId = clientId;
    this.#clock = clock;
  }

  provider(name: ProviderName): TokenProvider {
    const provider =
      this.#providers.get(name) ?? tokenProvider(name, this.#clientId, { clock: this.#clock, log: silentLog });
    this.#providers.set(name, provider);
    return provider;
  }

  async get(name: string, scope: string): Promise<Token> {
    if (!isProvider(name)) return { ok: false, why: `'${name}' is no token provider of this program` };
    try {
      return { ok: true, text: await this.provider(name).token(scope) };
    } catch (error) {
      const cause = error instanceof NoToken ? error.options.cause : error;
      return { ok: false, why: cause instanceof Error ? cause.message : String(cause) };
    }
  }

  /** One look for each provider and scope, whoever wants it. */
  checks(wanted: readonly WantedToken[]): readonly Check[] {
    const byToken = Map.groupBy(wanted, ({ provider, scope }) => `${provider} ${scope}`);
    return [...byToken.values()].flatMap(([first]) => {
      if (first === undefined) return [];
      const name = `token ${first.scope.replace(/^https:\/\/|\/\.default$/g, '')}`;
      return [{ name, run: async () => [await this.#look(name, first)] }];
    });
  }

  async #look(name: string, { provider, scope, for: user }: WantedToken): Promise<Finding> {
    const token = await this.get(provider, scope);
    if (!token.ok) {
      const fix = isProvider(provider) ? advice[provider] : 'Correct the name of the provider.';
      return failed(name, `${provider} gives none, for ${user}: ${oneLine(token.why)}`, fix);
    }
    const claims = claimsOf(token.text);
    const minutes = Math.round((Number(claims['exp'] ?? 0) * 1000 - this.#clock.now()) / 60_000);
    const who = typeof claims['oid'] === 'string' ? `, object id ${claims['oid']}` : '';
    return ok(name, `${provider}, good for ${minutes} min${who}`);
  }
}

export const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').slice(0, 300);

function claimsOf(token: string): JsonObject {
  return parseJsonObject(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) ?? {};
}
