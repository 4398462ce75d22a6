import type { Command, Option } from 'commander';
import { walk } from '#command-tree.ts';

interface Word {
  readonly text: string;
  readonly says: string;
}

/** What may follow at one place of the command line. */
export interface Place {
  /** The words after `tollgate` that lead here: `subscription list`; empty at the top. */
  readonly path: string;
  readonly words: readonly Word[];
  readonly options: readonly OptionWords[];
}

export interface OptionWords {
  readonly flags: readonly string[];
  readonly says: string;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
}

function pathOf(command: Command): string {
  if (command.parent === null) return '';
  return `${pathOf(command.parent)} ${command.name()}`.trim();
}

function optionWords(option: Option): OptionWords {
  return {
    flags: [option.short, option.long].filter((flag) => flag !== undefined),
    says: option.description,
    takesValue: option.required || option.optional,
    choices: option.argChoices ?? [],
  };
}

/** Everything that the shells need to know of the command tree. */
export function placesOf(program: Command): readonly Place[] {
  return walk(program).map((command) => ({
    path: pathOf(command),
    words: [
      ...command.commands
        .filter((one) => one.name() !== 'help')
        .map((one) => ({ text: one.name(), says: one.summary() === '' ? one.description() : one.summary() })),
      ...command.registeredArguments.flatMap((argument) =>
        (argument.argChoices ?? []).map((text) => ({ text, says: argument.description })),
      ),
    ],
    options: [
      ...command.options.filter((option) => !option.hidden).map(optionWords),
      { flags: ['-h', '--help'], says: 'help', takesValue: false, choices: [] },
    ],
  }));
}
