import { Option, type Command } from 'commander';
import { CommandFailure, exitCodes } from '#failure.ts';
import { reportMoment, reportMomentSyntax } from '#moments.ts';

/** What the admin API is asked, as it takes it. */
export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface SubjectOptions {
  readonly from?: string;
  readonly to?: string;
  readonly month?: string;
  readonly timeZone?: string;
  readonly filter: readonly string[];
  readonly wait: number;
}

const longestWaitSeconds = 60;

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= longestWaitSeconds)) {
    throw new CommandFailure(`--wait takes 0 to ${longestWaitSeconds} seconds, not '${text}'.`, {
      exitCode: exitCodes.usage,
    });
  }
  return value;
}

export function waitOption(): Option {
  return new Option('--wait <seconds>', 'how long to wait until the store has caught up with the journal')
    .default(5)
    .argParser(seconds);
}

/** The options that say what a report, the calls behind it, or an export, are of. */
export function withSubject(command: Command): Command {
  return command
    .addOption(new Option('--from <when>', `the beginning, inclusive: ${reportMomentSyntax}`))
    .addOption(new Option('--to <when>', 'the end, exclusive: the same'))
    .addOption(new Option('--month <month>', 'instead of --from and --to: a month of the time zone, 2026-11'))
    .addOption(
      new Option(
        '--filter <dimension=value>',
        'only what fits; repeat it for alternatives and for further dimensions. A cost centre holds for all below it; with == it does not',
      )
        .default([], 'everything')
        .argParser((text: string, before: readonly string[]) => [...before, text]),
    )
    .addOption(waitOption());
}

export const waitMsOf = (options: Pick<SubjectOptions, 'wait'>): number => Math.round(options.wait * 1000);

export function subjectQuery(options: SubjectOptions, now: number): Query {
  const { month, timeZone, filter } = options;
  const [from, to] = [options.from, options.to].map((text) =>
    text === undefined ? undefined : reportMoment(text, now),
  );
  // Of one form they can be compared here, whatever the time zone; the gateway compares the others.
  if (from !== undefined && to !== undefined && from.length === to.length && /^\d/.test(from + to) && from >= to)
    throw new CommandFailure(`The period is empty: it begins at ${from} and ends before ${to}.`, {
      exitCode: exitCodes.usage,
    });
  return { from, to, month, timeZone, filter, waitMs: String(waitMsOf(options)) };
}
