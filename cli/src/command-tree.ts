import type { Command } from 'commander';

export interface Example {
  /** Without `npx --no tollgate`. */
  readonly line: string;
  readonly says: string;
}

const known = new WeakMap<Command, readonly Example[]>();

/** How the command is written in help and documents: npm never asks a registry for it. */
export const invocation = 'npx --no tollgate';

/** Adds examples to a command's help, and remembers them for the reference page. */
export function withExamples(command: Command, examples: readonly Example[]): Command {
  known.set(command, examples);
  const width = Math.max(...examples.map((one) => one.line.length));
  const lines = examples.map((one) => `  $ ${invocation} ${one.line.padEnd(width)}   # ${one.says}`);
  return command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}

export function examplesOf(command: Command): readonly Example[] {
  return known.get(command) ?? [];
}

/** A noun alone does nothing; a command with verbs below it may do something by itself, too. */
export function doesSomething(command: Command): boolean {
  return command.commands.length === 0 || known.has(command);
}

/** The command and everything below it, parents first, without the implicit `help`. */
export function walk(command: Command): readonly Command[] {
  return [command, ...command.commands.filter((one) => one.name() !== 'help').flatMap(walk)];
}

/** `tollgate subscription list` */
export function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}
