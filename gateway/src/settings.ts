import path from 'node:path';
import { parseArgs } from 'node:util';

/** What the process is told from outside; everything else stands in the configuration file. */
export interface Settings {
  /** Absolute. Where the configuration comes from App Configuration: what it falls back to, and what paths are relative to. */
  readonly configFile: string;
  readonly appConfiguration?: AppConfigurationSettings;
  readonly dataFolder: string;
  /** True where all replicas have this one folder, on a share: what one of them makes there, all have. Absent: each its own. */
  readonly dataShared?: true;
  /** The name that this gateway has among several on one volume; undefined where the platform gives none. */
  readonly replica?: string;
  /** Ports from the environment win over the configuration file; 0 takes a free one. */
  readonly port: number | undefined;
  readonly adminPort: number | undefined;
  /** Only look whether the configuration is good, and say so. */
  readonly checkOnly: boolean;
  /** What is checked in the place of the file: what a store of App Configuration would hold. */
  readonly keyValuesFile?: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The store of Azure App Configuration that the configuration comes from. */
interface AppConfigurationSettings {
  /** `https://contoso.azconfig.io`, without a slash at its end. */
  readonly endpoint: string;
  /** Of the key values that go before those without one. */
  readonly label: string | null;
  /** Whom tokens for it are for. */
  readonly scope: string;
  /** Whether `configFile` was given, and is there to fall back to. */
  readonly hasFile: boolean;
}

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const usage = `Usage: node gateway/src/main.ts --config FILE [--data FOLDER]

  --config FILE   the configuration (default: $TOLLGATE_CONFIG)
  --data FOLDER   where everything that is written lives (default: $TOLLGATE_DATA, else .tollgate)
  --check         only says whether the configuration is good, and every mistake in it
  --key-values FILE
                  with --check: checks what a store would hold, as {"name", "keyValues": [{"key", "label", "value", "contentType"}]}
  --help          this text

Environment: TOLLGATE_CONFIG, TOLLGATE_DATA, TOLLGATE_PORT, TOLLGATE_ADMIN_PORT, and TOLLGATE_REPLICA (default:
$CONTAINER_APP_REPLICA_NAME): with PostgreSQL, the journal lies in a folder of this name, so that several gateways can
share the volume. TOLLGATE_DATA_SHARED=true says that they do: then they have one signing key, and are not told to be given one.
TOLLGATE_APP_CONFIGURATION (https://name.azconfig.io): the configuration comes from that store of Azure
App Configuration, with TOLLGATE_APP_CONFIGURATION_LABEL from its key values with this label before those without one; the
file is what is used where neither the store nor the copy of what it held can be.
OTEL_EXPORTER_OTLP_ENDPOINT and APPLICATIONINSIGHTS_CONNECTION_STRING turn telemetry on
(docs/telemetry.md).
Exit status: 0 after a clean drain, 1 when it could not start (or the configuration is bad), 2 for a wrong call.
`;

function portOf(environment: Settings['environment'], name: string): number | undefined {
  const text = environment[name];
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535)
    throw new UsageError(`${name} must be a port number, not '${text}'.`);
  return Number(text);
}

function dataSharedOf(environment: Settings['environment']): { readonly dataShared?: true } {
  const text = environment['TOLLGATE_DATA_SHARED'] ?? '';
  if (text !== '' && text !== 'true' && text !== 'false')
    throw new UsageError(`TOLLGATE_DATA_SHARED must be true or false, not '${text}'.`);
  return text === 'true' ? { dataShared: true } : {};
}

/** As platforms name containers; a folder of this name is made. */
const replicaPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

function replicaOf(environment: Settings['environment']): { readonly replica?: string } {
  const name = environment['TOLLGATE_REPLICA'] ?? environment['CONTAINER_APP_REPLICA_NAME'] ?? '';
  if (name === '') return {};
  if (!replicaPattern.test(name) || name === 'done')
    throw new UsageError(`A replica is named with letters, digits, dots, dashes and underscores, not '${name}'.`);
  return { replica: name };
}

/** Names that Microsoft alone gives out, and whom a token that is sent there is for. It is sent nowhere else. */
const stores: ReadonlyMap<string, string> = new Map([
  ['.azconfig.io', 'https://azconfig.io/.default'],
  ['.azconfig.azure.cn', 'https://azconfig.azure.cn/.default'],
  ['.azconfig.azure.us', 'https://azconfig.azure.us/.default'],
]);

function storeScope(url: URL | null): string | undefined {
  if (url === null || url.protocol !== 'https:' || url.username !== '' || url.pathname !== '/') return undefined;
  if (url.search !== '' || url.hash !== '') return undefined;
  if (url.hostname === 'localhost' || /^127(?:[.]\d+){3}$/.test(url.hostname)) return stores.get('.azconfig.io');
  return [...stores].find(([suffix]) => url.hostname.endsWith(suffix))?.[1];
}

function appConfigurationOf(
  environment: Settings['environment'],
  hasFile: boolean,
): { readonly appConfiguration?: AppConfigurationSettings } {
  const address = environment['TOLLGATE_APP_CONFIGURATION'] ?? '';
  if (address === '') return {};
  const url = URL.parse(address);
  const scope = storeScope(url);
  if (url === null || scope === undefined)
    throw new UsageError(
      `TOLLGATE_APP_CONFIGURATION must be the address of a store, such as https://contoso.azconfig.io, not '${address}'.`,
    );
  const label = environment['TOLLGATE_APP_CONFIGURATION_LABEL'] ?? '';
  if (!/^[A-Za-z0-9._-]{0,256}$/.test(label))
    throw new UsageError(
      `TOLLGATE_APP_CONFIGURATION_LABEL has letters, digits, dots, dashes and underscores, not '${label}'.`,
    );
  return { appConfiguration: { endpoint: url.origin, label: label === '' ? null : label, scope, hasFile } };
}

function keyValuesOf(values: { readonly 'key-values'?: string | undefined; readonly check?: boolean | undefined }): {
  readonly keyValuesFile?: string;
} {
  const { 'key-values': file, check } = values;
  if (file === undefined) return {};
  if (check !== true) throw new UsageError('--key-values goes with --check.');
  return { keyValuesFile: path.resolve(file) };
}

/** Reads arguments and environment; 'help' where that was asked for. Throws UsageError. */
export function readSettings(args: readonly string[], environment: Settings['environment']): Settings | 'help' {
  let values: {
    config?: string | undefined;
    data?: string | undefined;
    check?: boolean | undefined;
    'key-values'?: string | undefined;
    help?: boolean | undefined;
  };
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        config: { type: 'string' },
        data: { type: 'string' },
        check: { type: 'boolean' },
        'key-values': { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
      strict: true,
    }));
  } catch (thrown) {
    throw new UsageError(thrown instanceof Error ? thrown.message : String(thrown));
  }
  if (values.help === true) return 'help';
  const configFile = values.config ?? environment['TOLLGATE_CONFIG'] ?? '';
  const hasFile = configFile !== '';
  // Whoever checks means a file.
  const store = values.check === true ? {} : appConfigurationOf(environment, hasFile);
  const keyValues = keyValuesOf(values);
  if (!hasFile && Object.keys({ ...store, ...keyValues }).length === 0)
    throw new UsageError('No configuration: give --config FILE, or set TOLLGATE_CONFIG or TOLLGATE_APP_CONFIGURATION.');
  const dataFolder = path.resolve(values.data ?? environment['TOLLGATE_DATA'] ?? '.tollgate');
  return {
    configFile: hasFile ? path.resolve(configFile) : path.join(dataFolder, 'tollgate.yaml'),
    ...store,
    dataFolder,
    ...dataSharedOf(environment),
    ...replicaOf(environment),
    port: portOf(environment, 'TOLLGATE_PORT'),
    adminPort: portOf(environment, 'TOLLGATE_ADMIN_PORT'),
    checkOnly: values.check === true,
    ...keyValues,
    environment,
  };
}
