import { InvalidArgumentError, Option, type Command } from 'commander';
import { priceLayers, reportBuckets, reportDimensions } from '@tollgate/contract/usage.ts';
import { subjectQuery, withSubject, type Query, type SubjectOptions } from '#subject.ts';

export interface ReportOptions extends SubjectOptions {
  readonly by?: string;
  readonly bucket?: string;
  readonly layer?: string;
  readonly currency?: string;
  readonly top?: string;
}

/** The options that say what a report, or the calls behind it, are of. */
export function withReportSubject(command: Command): Command {
  return withSubject(command).addOption(
    new Option('--time-zone <name>', "where days and months begin, Europe/Amsterdam; default: the organisation's"),
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

export function reportQuery(options: ReportOptions, now: number): Query {
  const { by, bucket, layer, currency, top } = options;
  return { by, bucket, ...subjectQuery(options, now), layer, currency, top };
}
