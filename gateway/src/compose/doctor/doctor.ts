import { pino } from 'pino';
import { clientIdIn, builtInProviders } from '../identity.ts';
import { openConfiguration } from '../configuration.ts';
import type { Rules } from '../rules.ts';
import { dataFolderCheck } from './data-folder.ts';
import { endpointChecks } from './endpoints.ts';
import { ClockDifferences, failed, ok, skipped, warning, type Check, type Finding } from './finding.ts';
import { logAnalyticsCheck } from './log-analytics.ts';
import { signingKeyChecks, telemetryCheck } from './reach.ts';
import { postgresCheck, redisCheck } from './stores.ts';
import { Tokens, type WantedToken } from './tokens.ts';
import { within } from './within.ts';
import { postgresChoice } from '#compose/ledger/stores.ts';
import { redisAddress } from '#compose/limits/counters.ts';
import { telemetrySettings } from '#compose/telemetry/telemetry.ts';
import type { Config } from '#config-sections.ts';
import type { ConfigProblem } from '#config/problem.ts';
import type { Clock } from '#kernel/clock.ts';
import { parseJsonObject } from '#kernel/json.ts';
import { Metrics } from '#kernel/metrics.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { Settings } from '#settings.ts';
import { routingOf } from '#snapshot.ts';

export interface DoctorOptions {
  readonly settings: Settings;
  readonly clock: Clock;
  /** Make one small call to every deployment, which is paid and in no ledger. */
  readonly call: boolean;
  /** How long the row in Log Analytics is waited for, ms; 0: not at all. */
  readonly waitMs: number;
  /** What it is about to do. */
  readonly progress: (text: string) => void;
  /** As soon as it is known, in order. */
  readonly told: (finding: Finding) => void;
}

const usualLongestMs = 60_000;
/** A store of configurations and vaults, one after the other, each with its retries. */
const longestReadingMs = 180_000;

/**
 * Looks at everything that the gateway needs, as the gateway does: with its configuration, its identity and its network.
 * Changes nothing but a row of Log Analytics and a key of Redis that lasts a second. Never rejects, and ends
 * whatever hangs.
 */
export async function examine(options: DoctorOptions): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const tell = (found: readonly Finding[]): void => {
    for (const finding of found) {
      findings.push(finding);
      options.told(finding);
    }
  };
  options.progress('reading the configuration');
  const read = (await within(longestReadingMs, readConfiguration(options), options.clock)) ?? {
    findings: [unanswered('configuration', longestReadingMs)],
  };
  tell(read.findings);
  if (read.inForce === undefined) {
    tell(await dataFolderCheck(options.settings.dataFolder, undefined).run());
    tell([skipped('everything else', 'it stands in the configuration')]);
    return findings;
  }
  const clocks = new ClockDifferences();
  // All at once, told in order: a network that swallows everything would take minutes otherwise.
  const running = checksOf(options, read.inForce, clocks).map((check) => ({
    check,
    found: runSafely(check, options.clock),
  }));
  for (const { check, found } of running) {
    options.progress(`looking at ${check.name}`);
    tell(await found);
  }
  tell([clocks.finding()]);
  return findings;
}

/** What takes the connection and says nothing would be waited for without an end. */
async function runSafely(check: Check, clock: Clock): Promise<readonly Finding[]> {
  const { name, longestMs = usualLongestMs } = check;
  try {
    return (await within(longestMs, check.run(), clock)) ?? [unanswered(name, longestMs)];
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [failed(check.name, `this look itself failed: ${why}`, 'Report it: it should not.')];
  }
}

const unanswered = (name: string, ms: number): Finding =>
  failed(
    name,
    `no answer within ${Math.round(ms / 1000)} s`,
    'It says nothing at all: look at the service itself, and at proxies and firewalls in between.',
  );

interface InForce {
  readonly config: Config;
  readonly rules: Rules;
  readonly endpoints: readonly Endpoint[];
}

async function readConfiguration({ settings, clock }: DoctorOptions): Promise<{
  readonly findings: readonly Finding[];
  readonly inForce?: InForce;
}> {
  const name = 'configuration';
  const said: string[] = [];
  const configuration = openConfiguration({
    settings,
    tokenProviders: builtInProviders,
    clock,
    log: pino({ level: 'warn', base: null }, { write: (line: string) => void said.push(line) }),
    metrics: new Metrics(),
  });
  try {
    const result = await configuration.start();
    if (!result.ok) return { findings: result.problems.map((problem) => problemFinding(name, problem)) };
    const { rules } = configuration;
    const { config, warnings } = result.loaded;
    const endpoints = [...routingOf({ config, catalogue: rules.catalogue }).endpoints.values()];
    const models = Object.keys(config.models).length;
    const from = settings.appConfiguration?.endpoint ?? settings.configFile;
    const says = ok(name, `${from}: ${counted(endpoints.length, 'endpoint')}, ${counted(models, 'model')}`);
    return {
      findings: [
        says,
        ...said.map((line) => saidFinding(name, line)),
        ...warnings.map((problem) => problemFinding(name, problem)),
      ],
      inForce: { config, rules, endpoints },
    };
  } finally {
    configuration.close();
  }
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** What the gateway would write into its log: a store that is away, and what is used instead. */
function saidFinding(name: string, line: string): Finding {
  const { msg, problem, problems, fix } = parseJsonObject(line) ?? {};
  const all = [msg, problem, ...(Array.isArray(problems) ? problems : [])];
  const text = all.filter((one) => typeof one === 'string').join(': ');
  return warning(name, text, typeof fix === 'string' ? fix : '');
}

function problemFinding(name: string, { file, line, path, message, fix, severity }: ConfigProblem): Finding {
  const where = line > 0 ? `${file}:${line}: ` : '';
  const detail = `${where}${path === '' ? '' : `${path}: `}${message}`;
  return severity === 'warning' ? warning(name, detail, fix ?? '') : failed(name, detail, fix ?? '');
}

function checksOf(options: DoctorOptions, inForce: InForce, clocks: ClockDifferences): readonly Check[] {
  const { settings, clock, call } = options;
  const { config, rules, endpoints } = inForce;
  const clientId = clientIdIn(settings.environment);
  const tokens = new Tokens(clientId, clock);
  const around = { clock, clocks };
  return [
    dataFolderCheck(settings.dataFolder, config.ledger.backlog.bytes),
    pricesCheck(inForce, clock),
    ...tokens.checks(wantedTokens(inForce)),
    ...endpointChecks(endpoints, { tokens, catalogue: rules.catalogue, call, ...around }),
    ...storeChecks(config, clientId, around),
    ...logAnalyticsChecks(options, config, tokens),
    ...(config.entra === undefined ? [] : signingKeyChecks(config.entra, around)),
    ...telemetryChecks(settings, around),
  ];
}

/** Every endpoint has a price for an ordinary call, or its calls are unpriced. */
function pricesCheck({ config, rules, endpoints }: InForce, clock: Clock): Check {
  const name = 'prices';
  return {
    name,
    async run() {
      const book = rules.priceBook(config);
      const lacking = endpoints.flatMap((endpoint) => {
        const meters = book.missing(endpoint, clock.now());
        return meters.length === 0 ? [] : [`${endpoint.name} (${meters.join(', ')})`];
      });
      const found =
        lacking.length === 0
          ? ok(name, `every one of ${endpoints.length} endpoints has its prices`)
          : warning(
              name,
              `none for ${lacking.join('; ')}`,
              'Add them under `prices`, or run `tollgate prices sync`: what has no price is unpriced, or refused.',
            );
      return await Promise.resolve([found]);
    },
  };
}

function wantedTokens({ config, endpoints }: InForce): readonly WantedToken[] {
  const { store, logAnalytics } = config.ledger;
  const postgres = store === 'sqlite' ? undefined : store.postgres;
  const redis = config.counters === 'memory' ? undefined : config.counters.redis;
  const services = [
    { what: 'PostgreSQL', provider: postgres?.identity, scope: postgres?.scope },
    { what: 'Redis', provider: redis?.identity, scope: redis?.scope },
    { what: 'Log Analytics', provider: logAnalytics?.identity, scope: logAnalytics?.scope },
    {
      what: 'queries of Log Analytics',
      provider: logAnalytics?.workspace === undefined ? undefined : logAnalytics.identity,
      scope: logAnalytics?.queryScope,
    },
  ];
  return [
    ...endpoints.flatMap(({ name, credential }) =>
      credential.kind === 'token'
        ? [{ provider: credential.provider, scope: credential.scope, for: `endpoint ${name}` }]
        : [],
    ),
    ...services.flatMap(({ what, provider, scope }) =>
      provider === undefined || scope === undefined ? [] : [{ provider, scope, for: what }],
    ),
  ];
}

function storeChecks(
  config: Config,
  clientId: string | undefined,
  around: { readonly clock: Clock; readonly clocks: ClockDifferences },
): readonly Check[] {
  const { store } = config.ledger;
  const { counters } = config;
  return [
    store === 'sqlite'
      ? told(skipped('PostgreSQL', 'the store is a file of the data folder'))
      : postgresCheck(postgresChoice(store.postgres, clientId), around),
    counters === 'memory'
      ? told(skipped('Redis', 'limits are counted in each gateway for itself'))
      : redisCheck({
          address: (log) => redisAddress(counters.redis, clientId, { clock: around.clock, log }),
          keyPrefix: counters.redis.keyPrefix,
          ...around,
        }),
  ];
}

function logAnalyticsChecks(options: DoctorOptions, config: Config, tokens: Tokens): readonly Check[] {
  const { clock, waitMs, progress } = options;
  const { logAnalytics: setting } = config.ledger;
  if (setting === undefined) return [told(skipped('Log Analytics', '`ledger.logAnalytics` is not set'))];
  return [logAnalyticsCheck({ setting, organisation: config.organisation, tokens, clock, waitMs, progress })];
}

function telemetryChecks(
  settings: Settings,
  around: { readonly clock: Clock; readonly clocks: ClockDifferences },
): readonly Check[] {
  const name = 'telemetry';
  const read = telemetrySettings(settings);
  if (!read.ok) return [told(...read.problems.map((problem) => failed(name, problem, 'Correct the environment.')))];
  if (read.settings === undefined) return [told(skipped(name, 'the environment names nobody to send it to'))];
  const { connectionString } = read.settings;
  const otlp = settings.environment['OTEL_EXPORTER_OTLP_ENDPOINT'];
  const insights = /IngestionEndpoint=(https?:\/\/[^;]+)/i.exec(connectionString ?? '')?.[1];
  return [
    ...(otlp === undefined || otlp === '' ? [] : [telemetryCheck(otlp, around)]),
    ...(insights === undefined ? [] : [telemetryCheck(insights, around)]),
    told(...read.warnings.map((problem) => warning(name, problem, 'Correct the environment.'))),
  ];
}

const told = (...findings: readonly Finding[]): Check => ({
  name: findings[0]?.check ?? '',
  run: async () => await Promise.resolve(findings),
});
