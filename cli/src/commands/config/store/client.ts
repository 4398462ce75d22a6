import type { AppConfigurationClient, ConfigurationSetting } from '@azure/app-configuration';
import { rootKey, sentinelKey } from '@tollgate/contract/configuration-keys.ts';
import { CommandFailure, exitCodes, systemErrorCode } from '#failure.ts';
import type { Context } from '#context.ts';
import type { Stored } from './plan.ts';
import { contentType } from './split.ts';

export interface StoreOptions {
  readonly store?: string;
  readonly label?: string;
}

/** A store, and whose key values of it are meant. */
export interface Target {
  /** `https://contoso.azconfig.io`. */
  readonly endpoint: string;
  /** `contoso.azconfig.io`. */
  readonly name: string;
  /** Null: none. */
  readonly label: string | null;
}

/** Names that Microsoft alone gives out: a token is sent nowhere else. */
const storeHost = /[.]azconfig[.](?:io|azure[.]us|azure[.]cn)$|^localhost$|^127(?:[.]\d+){3}$/;

/** Throws CommandFailure (usage). */
export function targetOf(options: StoreOptions, { environment }: Context): Target {
  const address = options.store ?? environment['TOLLGATE_APP_CONFIGURATION'] ?? '';
  const label = options.label ?? environment['TOLLGATE_APP_CONFIGURATION_LABEL'] ?? '';
  const url = URL.parse(address);
  if (address === '')
    throw usage('Which store? Give --store https://NAME.azconfig.io, or set TOLLGATE_APP_CONFIGURATION.');
  if (url === null || url.protocol !== 'https:' || url.pathname !== '/' || !storeHost.test(url.hostname))
    throw usage(`'${address}' is no address of a store, such as https://contoso.azconfig.io.`);
  if (!/^[A-Za-z0-9._-]{0,256}$/.test(label))
    throw usage(`A label has letters, digits, dots, dashes and underscores, not '${label}'.`);
  return { endpoint: url.origin, name: url.host, label: label === '' ? null : label };
}

const usage = (message: string): CommandFailure => new CommandFailure(message, { exitCode: exitCodes.usage });

/** A store of App Configuration, as whoever is signed in. Each throws CommandFailure. */
export class Store {
  readonly #target: Target;
  readonly #client: AppConfigurationClient;

  private constructor(target: Target, client: AppConfigurationClient) {
    this.#target = target;
    this.#client = client;
  }

  static async open(target: Target): Promise<Store> {
    // Loaded by the commands that need them alone.
    const [{ AppConfigurationClient: Client }, { DefaultAzureCredential }] = await Promise.all([
      import('@azure/app-configuration'),
      import('@azure/identity'),
    ]);
    // As for the gateway: whose authority it is stands in the environment, and nobody is asked beside it.
    const credential = new DefaultAzureCredential({ disableInstanceDiscovery: true });
    return new Store(target, new Client(target.endpoint, credential));
  }

  /** All that a gateway with this label reads: its key values and flags, with the label and without one. */
  async list(): Promise<readonly Stored[]> {
    const { label } = this.#target;
    const labelFilter = label === null ? '\0' : `\0,${label}`;
    return await this.#telling(async () => {
      const found: Stored[] = [];
      for (const keyFilter of [`${rootKey}*`, `.appconfig.featureflag/${rootKey}.*`])
        for await (const one of this.#client.listConfigurationSettings({ keyFilter, labelFilter }))
          found.push(storedOf(one));
      return found;
    });
  }

  /** Only if the key is as `before` says: undefined where it must not be there. The key as it is then. */
  async set(key: string, value: string, before: Stored | undefined): Promise<Stored> {
    const { label } = this.#target;
    const tags = { ...before?.tags };
    const type = key === sentinelKey ? {} : { contentType };
    const setting = { key, value, tags, ...type, ...(label === null ? {} : { label }) };
    return await this.#telling(async () =>
      storedOf(
        before === undefined
          ? await this.#client.addConfigurationSetting(setting)
          : await this.#client.setConfigurationSetting({ ...setting, etag: before.etag }, { onlyIfUnchanged: true }),
      ),
    );
  }

  /** Only if it is as `before` says. */
  async delete({ key, label, etag }: Stored): Promise<void> {
    const id = { key, etag, ...(label === null ? {} : { label }) };
    await this.#telling(async () => await this.#client.deleteConfigurationSetting(id, { onlyIfUnchanged: true }));
  }

  async #telling<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (thrown) {
      throw failureOf(thrown, this.#target.name);
    }
  }
}

function storedOf(one: ConfigurationSetting): Stored {
  const { key, value = '', tags = {}, etag = '' } = one;
  return { key, label: one.label ?? null, value, contentType: one.contentType ?? '', etag, tags };
}

const signInErrors = new Set([
  'AuthenticationError',
  'AggregateAuthenticationError',
  'AuthenticationRequiredError',
  'CredentialUnavailableError',
  'ChainedTokenCredentialError',
]);

/** What a store answers, and what to do about it. */
const answers: ReadonlyMap<number, readonly [message: string, hint: string]> = new Map([
  [401, ['It does not take your token', 'Are you signed in to the tenant of the store?']],
  [
    403,
    [
      'You may not do this there',
      'To write takes the role App Configuration Data Owner, to compare App Configuration Data Reader; a role takes some minutes until it holds.',
    ],
  ],
  [409, ['A key value is locked', 'Unlock it in the portal.']],
  [412, ['Somebody else has changed it meanwhile', 'Look at what they did, and push again.']],
  [413, ['A key value is too large', 'A store takes 10 KB each: make that part of the configuration smaller.']],
  [429, ['It is asked too much', 'Try again later.']],
]);

function failureOf(thrown: unknown, name: string): CommandFailure {
  const [why = ''] = thrown instanceof Error ? thrown.message.split('\n') : [];
  const failure = (message: string, hint: string): CommandFailure =>
    new CommandFailure(message, { hints: [hint], cause: thrown });
  if (thrown instanceof Error && signInErrors.has(thrown.name))
    return failure(
      `You are not signed in: ${why}`,
      'Sign in with `az login` or `azd auth login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET.',
    );
  const status = thrown instanceof Error && 'statusCode' in thrown ? thrown.statusCode : undefined;
  if (typeof status !== 'number')
    return failure(
      `${name} cannot be asked (${systemErrorCode(thrown) ?? why}).`,
      'Is the address right, and the network open to it?',
    );
  const [message, hint] = answers.get(status) ?? ['It cannot do this now', 'Try again later.'];
  return failure(`${message}: ${name} answers ${status}.`, hint);
}
