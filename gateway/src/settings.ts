import path from 'node:path';
import { parseArgs } from 'node:util';

/** What the process is told from outside; everything else stands in the configuration file. */
export interface Settings {
  readonly configFile: string;
  readonly dataFolder: string;
  /** The name that this gateway has among several on one volume; undefined where the platform gives none. */
  readonly replica?: string;
  /** Ports from the environment win over the configuration file; 0 takes a free one. */
  readonly port: number | undefined;
  readonly adminPort: number | undefined;
  /** Only look whether the configuration is good, and say so. */
  readonly checkOnly: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const usage = `Usage: node gateway/src/main.ts --config FILE [--data FOLDER]

  --config FILE   the configuration (default: $TOLLGATE_CONFIG)
  --data FOLDER   where everything that is written lives (default: $TOLLGATE_DATA, else .tollgate)
  --check         only says whether the configuration is good, and every mistake in it
  --help          this text

Environment: TOLLGATE_CONFIG, TOLLGATE_DATA, TOLLGATE_PORT, TOLLGATE_ADMIN_PORT, and TOLLGATE_REPLICA (default:
$CONTAINER_APP_REPLICA_NAME): with PostgreSQL, the journal lies in a folder of this name, so that several gateways can
share the volume.
Exit status: 0 after a clean drain, 1 when it could not start (or the configuration is bad), 2 for a wrong call.
`;

function portOf(environment: Settings['environment'], name: string): number | undefined {
  const text = environment[name];
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535)
    throw new UsageError(`${name} must be a port number, not '${text}'.`);
  return Number(text);
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

/** Reads arguments and environment; 'help' where that was asked for. Throws UsageError. */
export function readSettings(args: readonly string[], environment: Settings['environment']): Settings | 'help' {
  let values: {
    config?: string | undefined;
    data?: string | undefined;
    check?: boolean | undefined;
    help?: boolean | undefined;
  };
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        config: { type: 'string' },
        data: { type: 'string' },
        check: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
      strict: true,
    }));
  } catch (thrown) {
    throw new UsageError(thrown instanceof Error ? thrown.message : String(thrown));
  }
  if (values.help === true) return 'help';
  const configFile = values.config ?? environment['TOLLGATE_CONFIG'];
  if (configFile === undefined || configFile === '')
    throw new UsageError('No configuration: give --config FILE or set TOLLGATE_CONFIG.');
  return {
    configFile: path.resolve(configFile),
    dataFolder: path.resolve(values.data ?? environment['TOLLGATE_DATA'] ?? '.tollgate'),
    ...replicaOf(environment),
    port: portOf(environment, 'TOLLGATE_PORT'),
    adminPort: portOf(environment, 'TOLLGATE_ADMIN_PORT'),
    checkOnly: values.check === true,
    environment,
  };
}
