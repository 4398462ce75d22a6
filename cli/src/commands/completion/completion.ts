import { Argument, type Command } from 'commander';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { bashScript, fishScript, zshScript } from './scripts.ts';
import { placesOf } from './words.ts';

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

export function addCompletion(program: Command, context: Context): void {
  const command = program
    .command('completion')
    .description('Print a script that teaches your shell the commands and options.')
    .addArgument(new Argument('<shell>', 'which shell').choices(Object.keys(scripts)))
    .action((shell: keyof typeof scripts) => {
      context.out.write(scripts[shell](placesOf(program)));
    });
  withExamples(command, [
    { line: 'completion bash >> ~/.bashrc', says: 'the words are made from the command tree' },
    { line: 'completion fish | source', says: 'for this session' },
  ]);
}
