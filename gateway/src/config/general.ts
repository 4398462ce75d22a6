import type { ConfigSection } from '#kernel/config-section.ts';
import { z } from 'zod';

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

const keys = {
  timeZone: z
    .string()
    .refine(isTimeZone, 'expected a time zone of the IANA database, such as Europe/Amsterdam or UTC')
    .default('UTC')
    .describe('The time zone in which days and months begin: in reports now, in budgets when they come.'),
  log: z
    .strictObject({
      level: z
        .enum(['debug', 'info', 'warn', 'error'])
        .default('info')
        .describe('The least severe messages that are written. One line a request is written at `info`.'),
    })
    .prefault({})
    .describe('The log: structured lines on standard output; never a prompt, a reply or a key.'),
};

export const generalConfig: ConfigSection<typeof keys> = {
  name: 'general',
  summary: 'What concerns the whole gateway.',
  keys,
  references: [],
  check: () => [],
};
