import type { ConfigSection } from '#kernel/config-section.ts';
import { timeZone } from '#model/limit-settings.ts';
import { z } from 'zod';

const fiscalExpected = 'expected a month and a day of at most 28, such as 04-01';

/** `04-06` -> month and day. */
const fiscalYearStart = z
  .string({ error: fiscalExpected })
  .regex(/^\d\d-\d\d$/, fiscalExpected)
  .transform((text, context) => {
    const [month = 0, dayOfMonth = 0] = text.split('-').map(Number);
    if (month < 1 || month > 12 || dayOfMonth < 1 || dayOfMonth > 28)
      context.issues.push({ code: 'custom', input: text, message: fiscalExpected });
    return { month, day: dayOfMonth };
  });

const keys = {
  timeZone: timeZone()
    .default('UTC')
    .describe(
      'The time zone in which days, weeks, months and years begin, in reports, exports and budgets; a report can name another.',
    ),
  fiscalYearStart: fiscalYearStart
    .prefault('01-01')
    .describe('Where the quarters and years of budgets begin: month and day.'),
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
