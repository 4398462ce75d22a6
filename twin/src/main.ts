import { readFileSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import process from 'node:process';
import { Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { latencyPresets } from '#wire/latency.ts';
import { settingsSchema, twinDefaults, type TwinConfig, type TwinOptions } from './options.ts';
import { startTwin } from './server.ts';

interface Flags {
  readonly port?: number;
  readonly address?: string;
  readonly securePort?: number;
  readonly caFile?: string;
  readonly key?: string;
  readonly seed?: number;
  readonly latency?: keyof typeof latencyPresets;
  readonly tokensPerSecond?: number;
  readonly timeToFirstToken?: number;
  readonly jitter?: number;
  readonly cacheMinimum?: number;
  readonly eventsPerTurn?: number;
  readonly keepAttempts?: number;
  readonly strict?: boolean;
  readonly replay?: string;
  readonly retailPrices?: string;
  readonly config?: string;
  readonly printUsage?: boolean;
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) throw new InvalidArgumentError('expected a number');
  return value;
}

function whole(text: string): number {
  const value = number(text);
  if (!Number.isInteger(value)) throw new InvalidArgumentError('expected a whole number');
  return value;
}

const epilogue = `
Point a client at it:
  Azure OpenAI    endpoint  http://127.0.0.1:${twinDefaults.port}/contoso-weu   key  ${twinDefaults.key}
  OpenAI          base URL  http://127.0.0.1:${twinDefaults.port}/contoso-weu/openai/v1
Without a resource in the path, the first resource answers.

Words in the last user message that the twin obeys:
  twin:tokens=200  twin:say=TEXT  twin:tool  twin:tools  twin:refuse  twin:filter-prompt  twin:filter-completion

Azure's price list:  GET /api/retail/prices
What it generated:  GET /_twin/usage       Faults:  POST /_twin/faults       All of it:  GET /_twin
`;

function program(): Command {
  return new Command('twin')
    .description('An offline twin of Azure OpenAI: for tests of your application, without an Azure account.')
    .option(
      '--port <number>',
      `port to listen on; 0: any free one (default: ${twinDefaults.port}, or TOLLGATE_TWIN_PORT)`,
      whole,
    )
    .option('--address <address>', `address to listen on (default: ${twinDefaults.address})`)
    .option('--secure-port <number>', 'port to listen on over TLS as well; 0: any free one (default: none)', whole)
    .option('--ca-file <file>', 'where to write the certificate that callers over TLS have to trust')
    .option('--key <key>', `API key that callers need (default: ${twinDefaults.key}, or TOLLGATE_TWIN_KEY)`)
    .option('--seed <number>', `what everything made up is drawn from (default: ${twinDefaults.seed})`, whole)
    .addOption(
      new Option('--latency <preset>', `how fast the model is (default: ${twinDefaults.latency})`).choices(
        Object.keys(latencyPresets),
      ),
    )
    .option('--tokens-per-second <number>', 'output tokens a second, instead of the preset’s', number)
    .option('--time-to-first-token <ms>', 'milliseconds to the first token, instead of the preset’s', number)
    .option('--jitter <share>', 'how far times vary, 0 to 1, instead of the preset’s', number)
    .option('--cache-minimum <tokens>', `least prompt that is cached (default: ${twinDefaults.cacheMinimum})`, whole)
    .option(
      '--events-per-turn <number>',
      'stream events written at once where nothing is waited for (default: 1)',
      whole,
    )
    .option('--keep-attempts <number>', `attempts that the record keeps (default: ${twinDefaults.keepAttempts})`, whole)
    .option('--strict', 'refuse parameters that the real models refuse, such as max_tokens for those that reason')
    .option('--replay <folder>', 'a folder of recorded replies (*.json, *.chunks.txt, *.sse)')
    .option(
      '--retail-prices <file>',
      'a file of prices for the Retail Prices API, in the shape of twin/data/retail-prices.json',
    )
    .option('--config <file>', 'a JSON file with resources, deployments, limits and all of the above')
    .option('--print-usage', 'print each attempt as a line of JSON when it ends')
    .addHelpText('after', epilogue);
}

/** The file's settings; ends the process with what is wrong with it. */
function configIn(file: string | undefined): TwinConfig {
  if (file === undefined) return {};
  try {
    const parsed = settingsSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
    if (parsed.success) return parsed.data;
    return fail(`${file}:\n${z.prettifyError(parsed.error)}`);
  } catch (thrown) {
    return fail(`${file}: ${thrown instanceof Error ? thrown.message : 'cannot be read'}`);
  }
}

function fail(message: string): never {
  process.stderr.write(`twin: ${message}\n`);
  process.exit(1);
}

function latencyFrom(flags: Flags, config: TwinConfig): NonNullable<TwinOptions['latency']> {
  const base = flags.latency ?? config.latency ?? twinDefaults.latency;
  const own = {
    ...(flags.tokensPerSecond === undefined ? {} : { tokensPerSecond: flags.tokensPerSecond }),
    ...(flags.timeToFirstToken === undefined ? {} : { timeToFirstTokenMs: flags.timeToFirstToken }),
    ...(flags.jitter === undefined ? {} : { jitter: flags.jitter }),
  };
  if (Object.keys(own).length === 0) return base;
  return { ...(typeof base === 'string' ? latencyPresets[base] : base), ...own };
}

function optionsFrom(flags: Flags): TwinOptions {
  const { config: file, printUsage, ...direct } = flags;
  const config = configIn(file);
  const given: TwinOptions = {
    port: twinDefaults.port,
    ...fromEnvironment(),
    ...config,
    ...pickDirect(direct),
    latency: latencyFrom(flags, config),
  };
  if (printUsage !== true) return given;
  return { ...given, onAttempt: (attempt) => process.stdout.write(`${JSON.stringify(attempt)}\n`) };
}

/** Tollgate's own programs tell each other by these where the twin is. */
function fromEnvironment(): TwinConfig {
  const { TOLLGATE_TWIN_PORT: port, TOLLGATE_TWIN_KEY: key } = process.env;
  return {
    ...(port === undefined || port === '' ? {} : { port: Number(port) }),
    ...(key === undefined || key === '' ? {} : { key }),
  };
}

function pickDirect(flags: Omit<Flags, 'config' | 'printUsage'>): Partial<TwinConfig> {
  const { latency: _preset, tokensPerSecond: _rate, timeToFirstToken: _first, jitter: _jitter, ...rest } = flags;
  return rest;
}

async function main(): Promise<void> {
  enableCompileCache();
  const command = program().parse();
  const twin = await startTwin(optionsFrom(command.opts<Flags>()));
  process.stdout.write(
    `The Azure OpenAI twin listens on ${twin.url} (resources as path prefixes, own record at ${twin.url}/_twin/usage)\n`,
  );
  if (twin.secureUrl !== undefined)
    process.stdout.write(`Over TLS, with Microsoft Entra beside it: ${twin.secureUrl}\n`);
  const stop = (): void => {
    void twin.close().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

main().catch((thrown: unknown) => {
  if (thrown instanceof z.ZodError) fail(z.prettifyError(thrown));
  fail(thrown instanceof Error ? thrown.message : 'could not start');
});
