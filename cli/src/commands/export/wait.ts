import { Option } from 'commander';
import { CommandFailure, exitCodes } from '#failure.ts';

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
