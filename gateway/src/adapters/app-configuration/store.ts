import type { AppConfigurationClient } from '@azure/app-configuration';
import { statusOf } from '#adapters/azure-identity/rest-error.ts';
import {
  storeFilters,
  type ConfigStore,
  type KeyValue,
  type StoreFailure,
  type StoreReading,
  type StoreVersion,
} from '#config/ports.ts';
import type { Clock } from '#kernel/clock.ts';
import type { TokenProvider } from '#proxy/upstream/ports.ts';
import { storeFailureOf, UnusableAnswer } from './failure.ts';

export interface StoreTarget {
  /** `https://contoso.azconfig.io`. */
  readonly endpoint: string;
  /** Of key values that go before those without one. */
  readonly label: string | null;
  /** Whom tokens for it are for. */
  readonly scope: string;
}

const longestMs = 10_000;
/** No more is a configuration. */
const mostKeyValues = 10_000;
/** The service puts a hundred on a page. One that hands out pages without end must not hold up a start for ever. */
const mostPages = 1_000;
/** How often it is read anew, where it changes while it is read. */
const readings = 3;

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
      for (let reading = 1; reading <= readings; reading += 1) {
        const read = await this.#readOnce(client);
        const [pages = []] = read.version.pages;
        // One page is of one moment. Of several, the first may be older than the last: such a mixture was never in the store.
        if (pages.length < 2 || !(await this.#pagesChanged(client, storeFilters.keyValues, pages))) return read;
      }
      throw new UnusableAnswer('the store changes while it is read', {
        fix: 'Wait until whoever writes to it is done.',
        mayPass: true,
      });
    });
  }

  async #readOnce(client: AppConfigurationClient): Promise<StoreReading> {
    // One after the other: where the first fails, no second is left under way. Sentinels first: one that changes meanwhile
    // counts as changed the next time.
    const sentinels = await this.#list(client, storeFilters.sentinels);
    const lists = [await this.#list(client, storeFilters.keyValues), await this.#list(client, storeFilters.flags)];
    const keyValues = lists.flatMap(({ items }) => items);
    const sentinel = sentinels.items.length === 0 ? null : sentinels.etags;
    return { keyValues, version: { pages: lists.map(({ etags }) => etags), sentinel } };
  }

  async hasChanged({ pages, sentinel }: StoreVersion): Promise<boolean> {
    return await this.#withToken(async (client) => {
      const [first = [], second = []] = pages;
      const isOther =
        sentinel === null
          ? await this.#pagesChanged(client, storeFilters.keyValues, first)
          : await this.#pagesChanged(client, storeFilters.sentinels, sentinel);
      return isOther || (await this.#pagesChanged(client, storeFilters.flags, second));
    });
  }

  failureOf(error: unknown): StoreFailure {
    return storeFailureOf(error, this.#clock);
  }

  async #list(client: AppConfigurationClient, keyFilter: string) {
    const items: KeyValue[] = [];
    const etags: string[] = [];
    for await (const page of client.listConfigurationSettings(this.#filtered(keyFilter)).byPage()) {
      etags.push(page.etag ?? '');
      for (const one of page.items) items.push(keyValueOf(one));
      if (items.length > mostKeyValues || etags.length > mostPages)
        throw new UnusableAnswer(`the store holds more than ${mostKeyValues} key values under '${keyFilter}'`, {
          fix: 'Is it the right store? Delete those that are no configuration.',
          mayPass: false,
        });
    }
    return { items, etags };
  }

  async #pagesChanged(client: AppConfigurationClient, keyFilter: string, etags: readonly string[]): Promise<boolean> {
    const seen: string[] = [];
    const options = { ...this.#filtered(keyFilter), pageEtags: [...etags] };
    for await (const page of client.checkConfigurationSettings(options).byPage()) seen.push(page.etag ?? '');
    return seen.length !== etags.length || seen.some((etag, at) => bare(etag) !== bare(etags[at] ?? ''));
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
