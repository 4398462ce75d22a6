import type { Command } from 'commander';
import { exportDimensions } from '@tollgate/contract/admin-api/exports.ts';
import { CommandFailure, exitCodes } from '#failure.ts';
import { waitOption } from './wait.ts';

/** What is exported. */
export interface QuestionOptions {
  readonly month?: string;
  readonly from?: string;
  readonly to?: string;
  readonly filter: readonly string[];
  readonly costCentre: readonly string[];
  readonly wait: number;
}

const again = (value: string, before: readonly string[]): readonly string[] => [...before, value];

export function withQuestion(command: Command): Command {
  return command
    .option('--month <month>', "2026-11: a month of the organisation's time zone")
    .option('--from <when>', 'the beginning, inclusive: 2026-11-23 in that time zone, or an RFC 3339 time')
    .option('--to <when>', 'the end, exclusive: the same')
    .option('--cost-centre <name>', 'only this cost centre and all below it; may be repeated', again, [])
    .option('--filter <dimension=value>', `only this, by ${exportDimensions.join(', ')}; may be repeated`, again, [])
    .addOption(waitOption());
}

export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

/** In the words of the admin API. Throws CommandFailure (usage) where no time is named. */
export function queryOf(options: QuestionOptions): Query {
  const { month, from, to, filter, costCentre, wait } = options;
  if (month === undefined && (from === undefined || to === undefined))
    throw new CommandFailure('Say which time: --month 2026-11, or both --from and --to.', {
      exitCode: exitCodes.usage,
    });
  const centres = costCentre.map((name) => `cost-centre=${name}`);
  return { month, from, to, filter: [...centres, ...filter], waitMs: waitMs(wait) };
}

export const waitMs = (seconds: number): string => String(Math.round(seconds * 1000));
