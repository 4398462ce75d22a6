import type { AppConfigurationClient } from '@azure/app-configuration';
import { statusOf } from '#adapters/azure-identity/rest-error.ts';
import {
  rootKey,
  sentinelKey,
  type ConfigStore,
  type KeyValue,
  type StoreFailure,
  type StoreReading,
  type StoreVersion,
} from '#config/ports.ts';
import type { Clock } from '#kernel/clock.ts';
import type { TokenProvider } from '#proxy/upstream/ports.ts';
import { storeFailureOf } from './failure.ts';

export interface StoreTarget {
  /** `https://contoso.azconfig.io`. */
  readonly endpoint: string;
  /** Of key values that go before those without one. */
  readonly label: string | null;
  /** Whom tokens for it are for. */
  readonly scope: string;
}

/** Key values, and flags: two lists, because flags have keys of their own. */
const keyFilters = [`${rootKey}*`, `.appconfig.featureflag/${rootKey}.*`] as const;
const longestMs = 10_000;
/** No more is a configuration. */
const mostKeyValues = 10_000;

type Listed = Awaited<ReturnType<AppConfigurationClient['getConfigurationSetting']>>;

/**
 * One store of Azure App Configuration, by Microsoft's client. Not by their provider, which resolves references to Key
 * Vault into plain values, and keeps neither labels nor content types: what is kept on disk must hold no secret.
 */
export class AppConfigurationStore implements ConfigStore {
  readonly name: string;
  readonly #target: StoreTarget;
  readonly #tokens: TokenProvider;
  #shown = '';
  #client: Promise<AppConfigurationClient> | undefined;

  readonly #clock: Clock;

  constructor(target: StoreTarget, { tokens, clock }: { readonly tokens: TokenProvider; readonly clock: Clock }) {
    this.name = new URL(target.endpoint).host;
    this.#clock = clock;
    this.#target = target;
    this.#tokens = tokens;
  }

  async read(): Promise<StoreReading> {
    return await this.#withToken(async (client) => {
      // One after the other: where the first fails, no second is left under way.
      const lists = [await this.#list(client, keyFilters[0]), await this.#list(client, keyFilters[1])];
      const keyValues = lists.flatMap(({ items }) => items);
      const sentinels = lists.flatMap(({ sentinel }) => sentinel);
      const sentinel = sentinels.find(({ label }) => label !== null) ?? sentinels[0] ?? null;
      return { keyValues, version: { pages: lists.map(({ etags }) => etags), sentinel } };
    });
  }

  async hasChanged({ pages, sentinel }: StoreVersion): Promise<boolean> {
    return await this.#withToken(async (client) => {
      const [first = [], second = []] = pages;
      const isOther =
        sentinel === null
          ? await this.#pagesChanged(client, keyFilters[0], first)
          : await this.#sentinelChanged(client, sentinel);
      return isOther || (await this.#pagesChanged(client, keyFilters[1], second));
    });
  }

  failureOf(error: unknown): StoreFailure {
    return storeFailureOf(error, this.#clock);
  }

  async #list(client: AppConfigurationClient, keyFilter: string) {
    const items: KeyValue[] = [];
    const etags: string[] = [];
    const sentinel: { label: string | null; etag: string }[] = [];
    for await (const page of client.listConfigurationSettings(this.#filtered(keyFilter)).byPage()) {
      etags.push(page.etag ?? '');
      for (const one of page.items) {
        items.push(keyValueOf(one));
        if (one.key === sentinelKey) sentinel.push({ label: labelOf(one.label), etag: one.etag ?? '' });
      }
      if (items.length > mostKeyValues)
        throw new Error(`There are more than ${mostKeyValues} key values in ${this.name}.`);
    }
    return { items, etags, sentinel };
  }

  async #pagesChanged(client: AppConfigurationClient, keyFilter: string, etags: readonly string[]): Promise<boolean> {
    const seen: string[] = [];
    const options = { ...this.#filtered(keyFilter), pageEtags: [...etags] };
    for await (const page of client.checkConfigurationSettings(options).byPage()) seen.push(page.etag ?? '');
    return seen.length !== etags.length || seen.some((etag, at) => bare(etag) !== bare(etags[at] ?? ''));
  }

  async #sentinelChanged(
    client: AppConfigurationClient,
    { label, etag }: NonNullable<StoreVersion['sentinel']>,
  ): Promise<boolean> {
    const id = { key: sentinelKey, ...(label === null ? {} : { label }), etag };
    try {
      const options = { onlyIfChanged: true, requestOptions: { timeout: longestMs } };
      return (await client.getConfigurationSetting(id, options)).statusCode !== 304;
    } catch (error) {
      // It was taken out.
      if (statusOf(error) === 404) return true;
      throw error;
    }
  }

  #filtered(keyFilter: string) {
    const { label } = this.#target;
    const labelFilter = label === null ? '\0' : `\0,${label}`;
    return { keyFilter, labelFilter, requestOptions: { timeout: longestMs } };
  }

  /** Does it once more with another token, where the one that was shown is refused. */
  async #withToken<Result>(work: (client: AppConfigurationClient) => Promise<Result>): Promise<Result> {
    this.#client ??= this.#open();
    const client = await this.#client;
    try {
      return await work(client);
    } catch (error) {
      const renewed =
        statusOf(error) === 401 ? await this.#tokens.insteadOf(this.#target.scope, this.#shown) : undefined;
      if (renewed === undefined) throw error;
      return await work(client);
    }
  }

  async #open(): Promise<AppConfigurationClient> {
    // Where the configuration is a file, it is not loaded.
    const { AppConfigurationClient: Client } = await import('@azure/app-configuration');
    const { endpoint, scope } = this.#target;
    const credential = {
      getToken: async () => {
        this.#shown = await this.#tokens.token(scope);
        // Held by us until shortly before its end; the library is told to ask every time.
        return { token: this.#shown, expiresOnTimestamp: 0 };
      },
    };
    // How often is tried is decided in one place, by the clock of the gateway.
    return new Client(endpoint, credential, { retryOptions: { maxRetries: 0 } });
  }
}

/** Some answers have an ETag in quotes, some without. */
const bare = (etag: string): string => etag.replace(/^(?:W\/)?"(.*)"$/, '$1');

const labelOf = (label: string | undefined | null): string | null =>
  label === undefined || label === null || label === '' || label === '\0' ? null : label;

function keyValueOf({
  key,
  label,
  value,
  contentType,
}: Pick<Listed, 'key' | 'label' | 'value' | 'contentType'>): KeyValue {
  return { key, label: labelOf(label), value: value ?? '', contentType: contentType ?? '' };
}
