import { InvalidArgumentError, Option, type Command } from 'commander';
import { priceLayers, reportBuckets, reportDimensions } from '@tollgate/contract/usage.ts';
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

export interface ReportOptions extends SubjectOptions {
  readonly by?: string;
  readonly bucket?: string;
  readonly layer?: string;
  readonly currency?: string;
  readonly top?: string;
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

/** The options that say what a report, or the calls behind it, are of. */
export function withSubject(command: Command): Command {
  return command
    .addOption(new Option('--from <when>', `the beginning, inclusive: ${reportMomentSyntax}`))
    .addOption(new Option('--to <when>', 'the end, exclusive: the same'))
    .addOption(new Option('--month <month>', 'instead of --from and --to: a month of the time zone, 2026-11'))
    .addOption(
      new Option('--time-zone <name>', "where days and months begin, Europe/Amsterdam; default: the organisation's"),
    )
    .addOption(
      new Option(
        '--filter <dimension=value>',
        'only what fits; repeat it for alternatives and for further dimensions. A cost centre holds for all below it; with == it does not',
      )
        .default([], 'everything')
        .argParser((text: string, before: readonly string[]) => [...before, text]),
    )
    .addOption(
      new Option('--wait <seconds>', 'how long to wait until the store has caught up with the journal')
        .default(5)
        .argParser(seconds),
    );
}

function dimensions(text: string): string {
  const words = text.split(',').map((word) => word.trim());
  const known: readonly string[] = [...reportDimensions, ...reportBuckets];
  const strange = words.filter((word) => !known.includes(word));
  if (strange.length === 0) return words.join(',');
  throw new InvalidArgumentError(`Not known: ${strange.join(', ')}. Known are ${known.join(', ')}.`);
}

function byOption(): Option {
  const option = new Option(
    '--by <dimensions>',
    'what each row stands for, several with commas; one of them may be a length of time (default: consumer)',
  ).argParser(dimensions);
  // For help and completion; the parser takes several of them.
  option.argChoices = [...reportDimensions, ...reportBuckets];
  return option;
}

/** The options of a report. */
export function withGrouping(command: Command): Command {
  return command
    .addOption(byOption())
    .addOption(new Option('--bucket <length>', 'cut the period into pieces').choices(reportBuckets))
    .addOption(
      new Option('--layer <layer>', 'the prices that the cost is made of (default: contracted)').choices(priceLayers),
    )
    .addOption(new Option('--currency <code>', 'tell the cost in a configured currency too, at the rates of its time'))
    .addOption(new Option('--top <rows>', 'only so many of the dearest rows of each bucket; the rest is added up'));
}

export const waitMsOf = (options: SubjectOptions): number => Math.round(options.wait * 1000);

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

export function reportQuery(options: ReportOptions, now: number): Query {
  const { by, bucket, layer, currency, top } = options;
  return { by, bucket, ...subjectQuery(options, now), layer, currency, top };
}
