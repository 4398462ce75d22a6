import { z } from 'zod';

function isHttps(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && url.protocol === 'https:' && url.search === '' && url.hash === '';
}

/** `ledger.logAnalytics`. */
export const logAnalytics = z
  .strictObject({
    endpoint: z
      .string()
      .refine(
        isHttps,
        'expected the address of a data collection endpoint or rule, such as https://….ingest.monitor.azure.com',
      )
      .transform((text) => text.replace(/\/+$/, ''))
      .describe('The logs ingestion endpoint of the data collection rule, or of its data collection endpoint.'),
    rule: z
      .string()
      .regex(/^dcr-[A-Za-z0-9]{1,64}$/, 'expected the immutable id of a data collection rule: dcr-…')
      .describe('The immutable id of the data collection rule.'),
    stream: z
      .string()
      .regex(/^Custom-[A-Za-z0-9_]{1,60}$/, 'expected the name of a custom stream, such as Custom-TollgateUsage_CL')
      .default('Custom-TollgateUsage_CL')
      .describe('The stream of the rule that fills the table.'),
    identity: z
      .enum(['managed-identity', 'workload-identity', 'default'])
      .default('managed-identity')
      .describe('Whose token is shown. It needs the role Monitoring Metrics Publisher on the rule.'),
    scope: z
      .string()
      .min(1)
      .default('https://monitor.azure.com/.default')
      .describe('What the token is for; sovereign clouds have their own.'),
    workspace: z
      .guid('expected the id of a workspace, a GUID')
      .optional()
      .describe(
        'The id of the workspace, for `tollgate doctor` alone: it reads back the row that it writes. The identity needs the role ' +
          'Log Analytics Data Reader there.',
      ),
    queryEndpoint: z
      .string()
      .refine(isHttps, 'expected an https address, such as https://api.loganalytics.azure.com')
      .transform((text) => text.replace(/\/+$/, ''))
      .default('https://api.loganalytics.azure.com')
      .describe('With `workspace`: where queries are answered.'),
    queryScope: z
      .string()
      .min(1)
      .default('https://api.loganalytics.io/.default')
      .describe('With `workspace`: what the token for queries is for.'),
  })
  .optional()
  .describe(
    'Every usage record goes into a table of Log Analytics, too, at least once: count each RecordId once. Without it nothing ' +
      'is sent there. Read at the start.',
  );
