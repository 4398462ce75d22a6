import path from 'node:path';
import type { Command } from 'commander';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { exitCodes } from '#failure.ts';
import { prettyJson } from '#output/json.ts';
import { styled, type StyleName } from '#output/style.ts';
import type { StoreOptions } from './store/client.ts';
import { compare, entriesOf, labelWords, shownChange } from './store/compare.ts';
import { lineDifference, type DiffLine } from './store/lines.ts';
import type { Change } from './store/plan.ts';

interface DiffOptions extends StoreOptions {
  readonly json?: boolean;
}

const colours: Readonly<Record<DiffLine['sign'], StyleName>> = { '+': 'green', '-': 'red', ' ': 'dim' };

function shown({ change, key, before, value = '' }: Change, { out }: Context): string {
  const lines = lineDifference(before?.value ?? '', value);
  const body = lines.map(({ sign, text }) => `${styled(out, colours[sign], `${sign} ${text}`)}\n`).join('');
  return `${styled(out, 'bold', `${change} ${key}`)}\n${body}`;
}

async function run(file: string, options: DiffOptions, context: Context): Promise<void> {
  const { out, err } = context;
  const { target, plan } = await compare(entriesOf(file), options, context);
  const { changes, unchanged, unfinished } = plan;
  if (changes.length > 0 || unfinished !== undefined) context.exitCode = exitCodes.failed;
  if (options.json === true) {
    const { name: store, label } = target;
    const told = changes.map((one) => ({
      ...shownChange(one),
      before: one.before?.value ?? null,
      after: one.value ?? null,
    }));
    out.write(prettyJson({ store, label, changes: told, unchanged, unfinished: unfinished ?? null }));
    return;
  }
  if (unfinished !== undefined)
    err.write(`${styled(err, 'yellow', 'A push is under way there, or was broken off:')} ${unfinished}\n`);
  out.write(changes.map((one) => shown(one, context)).join('\n'));
  if (changes.length === 0) err.write(`${target.name}${labelWords(target)} holds what the file says.\n`);
}

export function addConfigDiff(parent: Command, context: Context): void {
  const command = parent
    .command('diff')
    .description('What `config push` would change in a store of Azure App Configuration, line by line.')
    .argument('<file>', 'the configuration file')
    .option('--store <address>', 'https://NAME.azconfig.io (default: $TOLLGATE_APP_CONFIGURATION)')
    .option(
      '--label <label>',
      'of the key values that are meant (default: $TOLLGATE_APP_CONFIGURATION_LABEL, else none)',
    )
    .option('--json', 'print JSON')
    .action(async (file: string, options: DiffOptions) => await run(path.resolve(file), options, context));
  withExamples(command, [
    {
      line: 'config diff tollgate.yaml --store https://contoso.azconfig.io',
      says: 'exit status 1 where they are not the same',
    },
    { line: 'config diff tollgate.yaml --label prod --json', says: 'for scripts' },
  ]);
}
