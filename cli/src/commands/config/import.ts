import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { CommandFailure, exitCodes, systemErrorCode } from '#failure.ts';
import { prettyJson } from '#output/json.ts';
import { check, type Checked } from './check.ts';
import { importProxy, type Imported } from './import-proxy.ts';
import { readProxyFile, type ProxyFile } from './proxy-file.ts';

interface ImportOptions {
  readonly organisation: string;
  readonly region?: readonly string[];
  readonly model?: readonly string[];
  readonly type?: readonly string[];
  readonly out?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

const usage = (message: string, ...hints: readonly string[]): CommandFailure =>
  new CommandFailure(message, { exitCode: exitCodes.usage, hints });

function readFile(file: string): ProxyFile {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (thrown) {
    throw usage(`The file ${file} cannot be read (${systemErrorCode(thrown) ?? 'unknown error'}).`);
  }
  const read = readProxyFile(text.replace(/^\uFEFF/, ''));
  if (read === undefined)
    throw usage(
      `${file} holds no routes of enterprise-azureai's proxy.`,
      'Expected its JSON: {"routes": [{"name": "…", "endpoints": [{"address": "https://…", "priority": 1}]}]},',
      'or an export of its App Configuration store: az appconfig kv export --destination file --format json …',
    );
  return read;
}

/** `NAME=VALUE`, or a value for all others. */
function assignments(given: readonly string[] = []): ReadonlyMap<string, string> {
  return new Map(
    given.map((one) => {
      const at = one.indexOf('=');
      return at < 0 ? ['*', one] : [one.slice(0, at), one.slice(at + 1)];
    }),
  );
}

/** The gateway's own check of what was made. Keys that it refers to count as set. */
async function checked(
  yaml: string,
  { variables }: Imported,
  given: { context: Context; name: string },
): Promise<Checked> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-import-'));
  const file = path.join(folder, 'tollgate.yaml');
  try {
    writeFileSync(file, yaml);
    const set = Object.fromEntries(variables.map((name) => [name, 'set-for-the-check']));
    const { ok, words } = await check(file, given.context, set);
    return { ok, words: words.replaceAll(file, given.name) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function told(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `${title}\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

async function run(file: string, options: ImportOptions, context: Context): Promise<void> {
  const { out } = options;
  if (out !== undefined && options.force !== true && existsSync(out))
    throw usage(`There is a file ${out} already.`, 'Name another, or say --force.');
  const imported = importProxy(readFile(file), {
    organisation: options.organisation,
    regions: assignments(options.region),
    models: assignments(options.model),
    types: assignments(options.type),
  });
  const { withoutRegion, notCarried, assumed, variables, config } = imported;
  if (withoutRegion.length > 0)
    throw usage(
      'The file does not say in which regions the resources are, and prices depend on it.',
      ...withoutRegion.map((host) => `--region ${host}=REGION`),
    );
  const yaml = `# Made from ${path.basename(file)} by \`tollgate config import\`.\n${stringify(config, { lineWidth: 0 })}`;
  const { ok, words } = await checked(yaml, imported, { context, name: out ?? 'tollgate.yaml' });
  if (!ok) context.exitCode = exitCodes.failed;
  if (out !== undefined) writeFileSync(out, yaml);
  const problems = words.split('\n').filter((line) => line !== '');
  if (options.json === true) {
    context.out.write(prettyJson({ ok, config, yaml, notCarried, assumed, variables, problems }));
    return;
  }
  if (out === undefined) context.out.write(yaml);
  else context.err.write(`Written to ${out}.\n`);
  context.err.write(
    told('Not carried over:', notCarried) +
      told('Assumed, because the file does not say it:', assumed) +
      told('To be set in the environment of the gateway:', variables) +
      told(ok ? 'Doubtful, by the check of the gateway:' : 'Refused by the check of the gateway:', problems),
  );
}

export function addConfigImport(parent: Command, context: Context): void {
  const command = parent
    .command('import')
    .description(
      "Make a configuration from that of enterprise-azureai's charge-back proxy, and say all that could not be carried over.",
    )
    .argument('<file>', "the proxy's JSON (`AzureAIProxy:ProxyConfig`), or an export of the store that holds it")
    .option('--region <region...>', 'where resources are: RESOURCE=REGION, or one region for all others')
    .option('--model <model...>', 'the base model behind a route: ROUTE=MODEL (default: what the route is called)')
    .option('--type <type...>', 'deployment types: ENDPOINT=TYPE, or one for all others (default: Standard)')
    .option('--organisation <name>', 'who it is for', 'my-organisation')
    .option('--out <file>', 'where to write it (default: standard output)')
    .option('--force', 'replace a file that is there')
    .option('--json', 'print configuration and report as JSON')
    .action(async (file: string, options: ImportOptions) => await run(file, options, context));
  withExamples(command, [
    {
      line: 'config import proxyconfig.json --region contoso-weu=westeurope contoso-swc=swedencentral',
      says: 'to standard output; the report goes to standard error',
    },
    {
      line: 'config import store.json --region westeurope --model gpt-35=gpt-5.4-mini --out tollgate.yaml',
      says: 'from an export of App Configuration',
    },
  ]);
}
