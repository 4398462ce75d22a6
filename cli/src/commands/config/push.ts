import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Command } from 'commander';
import { pushPrefix, sentinelKey } from '@tollgate/contract/configuration-keys.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { CommandFailure, exitCodes } from '#failure.ts';
import { prettyJson } from '#output/json.ts';
import { check, checkKeyValues, type Checked } from './check.ts';
import { targetOf, type StoreOptions } from './store/client.ts';
import { compare, entriesOf, labelWords, shownChange, type Compared } from './store/compare.ts';

interface PushOptions extends StoreOptions {
  readonly variable?: readonly string[];
  readonly dryRun?: boolean;
  readonly takeOver?: boolean;
  readonly json?: boolean;
}

/** `NAME=VALUE`; a name alone counts as set. */
const variablesOf = (given: readonly string[] = []): Readonly<Record<string, string>> =>
  Object.fromEntries(
    given.map((one) => {
      const at = one.indexOf('=');
      return at < 0 ? [one, 'set-for-the-check'] : [one.slice(0, at), one.slice(at + 1)];
    }),
  );

/** The gateway's own check of what it would read: these key values, those without a label that stay, and the flags. */
async function checkAfterwards(
  { plan, target }: Compared,
  given: Parameters<typeof checkKeyValues>[1],
): Promise<Checked> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-push-'));
  const file = path.join(folder, 'key-values.json');
  try {
    writeFileSync(file, JSON.stringify({ name: target.name, keyValues: plan.afterwards }), { mode: 0o600 });
    return await checkKeyValues(file, given);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * The sentinel says first that somebody is writing, and no gateway takes anything over until it says something else: so half
 * of a push is never in force, whatever becomes of this process. It is a lock, too: of two pushes one finds it changed.
 */
async function write({ plan, store, target }: Compared, context: Context): Promise<void> {
  const { changes } = plan;
  const { clock, err } = context;
  const at = (): string => new Date(clock.now()).toISOString();
  const lock = await store.set(sentinelKey, `${pushPrefix}${changes.length} keys since ${at()}`, plan.sentinel);
  try {
    for (const [done, { key, value, before }] of changes.entries()) {
      err.write(`… ${done + 1} of ${changes.length}: ${key}\n`);
      if (value !== undefined) await store.set(key, value, before);
      else if (before !== undefined) await store.delete(before);
    }
    await store.set(sentinelKey, at(), lock);
  } catch (thrown) {
    if (!(thrown instanceof CommandFailure)) throw thrown;
    throw new CommandFailure(`${thrown.message} ${target.name} holds a part of this push.`, {
      hints: [
        ...thrown.hints,
        'The gateways stay with what they have until a push has come to its end: push again with --take-over.',
      ],
      cause: thrown,
    });
  }
}

function refuseUnfinished({ plan, target }: Compared, { takeOver }: PushOptions): void {
  if (plan.unfinished === undefined || takeOver === true) return;
  throw new CommandFailure(`Somebody else is writing to ${target.name}${labelWords(target)}: ${plan.unfinished}.`, {
    hints: ['If that push was broken off, complete it with --take-over.'],
  });
}

async function run(file: string, options: PushOptions, context: Context): Promise<void> {
  const { out, err } = context;
  const { label } = targetOf(options, context);
  const entries = entriesOf(file);
  const variables = variablesOf(options.variable);
  // With a label the file may be a part of the whole; without, its own lines say best what is wrong.
  const alone = label === null ? await check(file, context, variables) : { ok: true, words: '' };
  if (!alone.ok) return refuse(alone, context);
  const compared = await compare(entries, options, context);
  const environment = { ...context.environment, ...variables };
  const checked = await checkAfterwards(compared, { configFile: file, environment });
  if (!checked.ok) return refuse(checked, context);
  err.write(alone.words === '' ? checked.words : alone.words);
  refuseUnfinished(compared, options);
  const { plan, target } = compared;
  const { changes, unchanged, unfinished } = plan;
  const isNeeded = changes.length > 0 || unfinished !== undefined;
  const dryRun = options.dryRun === true;
  if (isNeeded && !dryRun) await write(compared, context);
  if (options.json === true) {
    out.write(prettyJson({ store: target.name, label, dryRun, changes: changes.map(shownChange), unchanged }));
    return;
  }
  out.write(changes.map(({ change, key }) => `${dryRun ? 'would be ' : ''}${change} ${key}\n`).join(''));
  const where = `${target.name}${labelWords(target)}`;
  if (!isNeeded) err.write(`${where} holds what the file says; nothing was written.\n`);
  else if (!dryRun) err.write(`${where} holds the configuration. Gateways take it over when they ask the next time.\n`);
}

function refuse({ words }: Checked, context: Context): void {
  context.err.write(`${words}Nothing was written.\n`);
  context.exitCode = exitCodes.failed;
}

export function addConfigPush(parent: Command, context: Context): void {
  const command = parent
    .command('push')
    .description(
      'Write a configuration file to a store of Azure App Configuration, in keys that the service takes, once the gateway has checked it. Gateways take over all of it or nothing.',
    )
    .argument('<file>', 'the configuration file; with a label, it may hold only what is different under it')
    .option('--store <address>', 'https://NAME.azconfig.io (default: $TOLLGATE_APP_CONFIGURATION)')
    .option(
      '--label <label>',
      'of the key values that are written (default: $TOLLGATE_APP_CONFIGURATION_LABEL, else none)',
    )
    .option(
      '--variable <name[=value]...>',
      'variables that the gateways have and this machine does not: for the check, they count as set',
    )
    .option('--dry-run', 'check and compare; write nothing')
    .option('--take-over', 'complete a push that was broken off')
    .option('--json', 'print JSON')
    .action(async (file: string, options: PushOptions) => await run(path.resolve(file), options, context));
  withExamples(command, [
    {
      line: 'config push tollgate.yaml --store https://contoso.azconfig.io --dry-run',
      says: 'what it would do; `config diff` shows the lines',
    },
    {
      line: 'config push tollgate.yaml --label prod --variable TOLLGATE_APP_ID OPENAI_KEY',
      says: 'to the store of $TOLLGATE_APP_CONFIGURATION',
    },
  ]);
  command.addHelpText(
    'after',
    '\nWhoever is signed in (az login, azd auth login, AZURE_CLIENT_ID …) needs the role App Configuration Data Owner on the store. Keys that the file no longer has are deleted; feature flags and other labels are left alone.',
  );
}
