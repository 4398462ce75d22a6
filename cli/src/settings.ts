import path from 'node:path';
import { CommandFailure, exitCodes } from './failure.ts';
import { project } from './project.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What the environment says about where things are. */
export interface Settings {
  /** Absolute. */
  readonly dataFolder: string;
  readonly port: number;
  readonly adminPort: number;
  readonly twinPort: number;
  /** The API key that the twin asks for. */
  readonly twinKey: string;
  /** Absolute; undefined where TOLLGATE_CONFIG is not set. */
  readonly configFile: string | undefined;
}

/** The variables that the command reads, for its help and for docs/reference/cli.md. */
export const environmentVariables = {
  TOLLGATE_DATA: 'the data folder: where everything that is written lives (default: .tollgate in the project)',
  TOLLGATE_PORT: 'the port of the data plane (default: 8080)',
  TOLLGATE_ADMIN_PORT: 'the port of the admin API, on 127.0.0.1 (default: 8081)',
  TOLLGATE_TWIN_PORT: 'the port of the Azure twin (default: 8090)',
  TOLLGATE_TWIN_KEY: "the twin's API key (default: twin-key)",
  TOLLGATE_CONFIG: 'the configuration file that `start` and `config check` use (default: examples/demo.yaml)',
  TOLLGATE_APP_CONFIGURATION: 'the store of Azure App Configuration: https://NAME.azconfig.io',
  TOLLGATE_APP_CONFIGURATION_LABEL: 'the label of the key values there that are meant (default: those without one)',
  NO_COLOR: 'any value: no colours',
} as const;

function port(environment: Environment, name: keyof typeof environmentVariables, fallback: number): number {
  const text = environment[name] ?? '';
  if (text === '') return fallback;
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) {
    throw new CommandFailure(`${name} must be a port number, not '${text}'.`, { exitCode: exitCodes.usage });
  }
  return Number(text);
}

function file(environment: Environment, name: keyof typeof environmentVariables): string | undefined {
  const text = environment[name] ?? '';
  return text === '' ? undefined : path.resolve(text);
}

/** Throws CommandFailure (usage) where a variable makes no sense. */
export function readSettings(environment: Environment): Settings {
  const twinKey = environment['TOLLGATE_TWIN_KEY'] ?? '';
  return {
    dataFolder: file(environment, 'TOLLGATE_DATA') ?? project.defaultDataFolder,
    port: port(environment, 'TOLLGATE_PORT', 8080),
    adminPort: port(environment, 'TOLLGATE_ADMIN_PORT', 8081),
    twinPort: port(environment, 'TOLLGATE_TWIN_PORT', 8090),
    twinKey: twinKey === '' ? 'twin-key' : twinKey,
    configFile: file(environment, 'TOLLGATE_CONFIG'),
  };
}
