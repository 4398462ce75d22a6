import type { ConfigSection } from '#kernel/config-section.ts';
import { byteSize, duration, wholeNumber } from '#kernel/config-values.ts';
import { z } from 'zod';

const keys = {
  batches: z
    .strictObject({
      maxFileBytes: byteSize({ atLeast: 1, atMost: 1024 ** 3 })
        .prefault('200MiB')
        .describe('The largest file; more is refused with 413. 200 MB is what Azure takes.'),
      maxLines: wholeNumber({ atLeast: 1, atMost: 1_000_000 })
        .prefault(100_000)
        .describe('The most lines of a file. 100,000 is what Azure takes.'),
      uploadSilence: duration({ atLeastMs: 100 })
        .prefault('60s')
        .describe(
          'How long an upload may stand still: nothing comes from the client (then 408), or the resource takes nothing (then ' +
            '503). It takes the place of `listen.requestTimeout`, within which no large file arrives over a slow line.',
        ),
      uploadDeadline: duration({ atLeastMs: 100 })
        .prefault('1h')
        .describe('How long a whole upload may take; then 408.'),
      uploadTimeout: duration({ atLeastMs: 100 })
        .prefault('60s')
        .describe('How long a resource may take to answer once it has a whole file; then 503.'),
      pollEvery: duration({ atLeastMs: 100 })
        .prefault('60s')
        .describe(
          'How often batches that run are looked at. What has ended is metered then, whether anybody fetches it or not. One ' +
            'gateway of several does it.',
        ),
    })
    .prefault({})
    .describe('Files and batches, for products with `batches: true`.'),
};

export const batchesConfig: ConfigSection<typeof keys> = {
  name: 'batches',
  summary: 'What files of batches may hold, and how often batches are looked at.',
  keys,
  references: [],
  check: () => [],
};
