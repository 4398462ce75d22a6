import type { Command } from 'commander';
import { CommandFailure, exitCodes } from '#failure.ts';
import { subjectQuery, withSubject, type Query, type SubjectOptions } from '#subject.ts';

/** What is exported. */
export interface QuestionOptions extends SubjectOptions {
  readonly costCentre: readonly string[];
}

export function withQuestion(command: Command): Command {
  return withSubject(
    command.option(
      '--cost-centre <name>',
      'short for --filter cost-centre=<name>: only this cost centre and all below it; may be repeated',
      (name: string, before: readonly string[]) => [...before, name],
      [],
    ),
  );
}

/** In the words of the admin API. Throws CommandFailure (usage) where no time is named. */
export function queryOf(options: QuestionOptions, now: number): Query {
  const { month, from, to, filter, costCentre } = options;
  if (month === undefined && (from === undefined || to === undefined))
    throw new CommandFailure('Say which time: --month 2026-11, or both --from and --to.', {
      exitCode: exitCodes.usage,
    });
  const centres = costCentre.map((name) => `cost-centre=${name}`);
  return subjectQuery({ ...options, filter: [...centres, ...filter] }, now);
}
