import { Option, type Command } from 'commander';

const formats = ['table', 'json', 'csv'] as const;
export type Format = (typeof formats)[number];

export interface FormatOptions {
  readonly format: Format;
  readonly json?: boolean;
}

/** `--format table|json|csv` and its short spelling `--json`. */
export function withFormat(command: Command): Command {
  return command
    .addOption(new Option('--format <format>', 'how to print').choices(formats).default('table'))
    .addOption(new Option('--json', 'the same as --format json').conflicts('format'));
}

export function formatOf(options: FormatOptions): Format {
  return options.json === true ? 'json' : options.format;
}
