// docs/reference/cli.md, from the command tree itself.
import type { Argument, Command, Option } from 'commander';
import { doesSomething, examplesOf, fullName, invocation, walk } from '../../cli/src/command-tree.ts';
import type { Context } from '../../cli/src/context.ts';
import { buildProgram, exitCodeTexts } from '../../cli/src/program.ts';
import { environmentVariables, readSettings } from '../../cli/src/settings.ts';

/** Nothing is run, so nothing is printed; the page must be the same on every machine. */
const nobody: Context = {
  environment: {},
  get settings() {
    return readSettings({});
  },
  out: { write: () => {}, drained: async () => {}, interactive: false, colour: false },
  err: { write: () => {}, drained: async () => {}, interactive: false, colour: false },
  clock: { now: () => 0, sleep: async () => {} },
  exitCode: 0,
};

const cell = (text: string): string => text.replaceAll('|', String.raw`\|`).replaceAll('\n', ' ');

const row = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |\n`;

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  return `${row(header)}${row(header.map(() => '---'))}${rows.map(row).join('')}\n`;
}

function valueOf(option: Option): string {
  return [
    option.argChoices === undefined ? '' : `one of ${option.argChoices.map((one) => `\`${one}\``).join(', ')}`,
    option.defaultValue === undefined ? '' : `default \`${String(option.defaultValue)}\``,
    option.mandatory && option.defaultValue === undefined ? 'required' : '',
  ]
    .filter((part) => part !== '')
    .join('; ');
}

function argumentRow(argument: Argument): readonly string[] {
  const name = argument.required ? `<${argument.name()}>` : `[${argument.name()}]`;
  const choices = argument.argChoices?.map((one) => `\`${one}\``).join(', ');
  return [`\`${name}${argument.variadic ? '…' : ''}\``, argument.description, choices ?? ''];
}

/** `--debug` and `--help` stand once at the top. */
const isCommon = (option: Option): boolean => option.long === '--debug';

function section(command: Command): string {
  const examples = examplesOf(command);
  const width = Math.max(0, ...examples.map((one) => one.line.length));
  const lines = examples.map((one) => `${invocation} ${one.line.padEnd(width)}   # ${one.says}\n`);
  return [
    `## ${fullName(command)}\n\n${command.description()}\n\n`,
    table(['argument', 'what', 'choices'], command.registeredArguments.map(argumentRow)),
    table(
      ['option', 'what', 'value'],
      command.options
        .filter((option) => !isCommon(option))
        .map((option) => [`\`${option.flags}\``, option.description, valueOf(option)]),
    ),
    lines.length === 0 ? '' : `\`\`\`sh\n${lines.join('')}\`\`\`\n\n`,
  ].join('');
}

export function generateCliReference(): string {
  const program = buildProgram(nobody);
  const commands = walk(program).filter(doesSomething);
  const page = [
    '# The `tollgate` command\n\n',
    '<!-- Generated from the command tree by `npm run docs`. Do not edit. -->\n\n',
    `${program.description()}\n\n`,
    `Written \`${invocation} …\` in a checkout, so that npm never asks a registry for it. Every command has \`--help\`, `,
    'and `--debug` for the stack of an unexpected failure.\n\n',
    table(
      ['command', 'what it does'],
      commands.map((command) => [
        `[\`${fullName(command)}\`](#${fullName(command).replaceAll(' ', '-')})`,
        command.description(),
      ]),
    ),
    '**Environment**\n\n',
    table(
      ['variable', 'what it says'],
      Object.entries(environmentVariables).map(([name, says]) => [`\`${name}\``, says]),
    ),
    '**Exit status**\n\n',
    table(
      ['status', 'meaning'],
      exitCodeTexts.map((line) => [line.slice(0, 1), line.slice(1).trim()]),
    ),
    '`start` and `twin` end with the exit status of what they run: 128 and the number of the signal where one killed it.\n\n',
    'In tables, `≥` marks a lower bound (a reply that was broken off, or usage that is unknown), `~` a figure with an ',
    'estimate in it; what is unpriced or unknown is a word or `–`, never 0. CSV has plain integers and empty cells for ',
    'what is unknown, and no total; money is in nano-USD (10⁻⁹ USD). JSON is the reply of the [admin API](admin-api.md).\n\n',
    ...commands.map(section),
  ].join('');
  return `${page.trimEnd()}\n`;
}
