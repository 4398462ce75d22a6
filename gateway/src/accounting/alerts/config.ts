import type { ConfigFinding, ConfigSection, Frozen } from '#kernel/config-section.ts';
import { duration, entryName, secret } from '#kernel/config-values.ts';
import type { Secret } from '#kernel/secret.ts';
import { z } from 'zod';
import { alertTypes } from './ports.ts';
import { signingKey } from './signature.ts';

function isWebhookUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return (protocol === 'https:' || protocol === 'http:') && username === '' && password === '';
}

const webhook = z.strictObject({
  url: z
    .string()
    .refine(isWebhookUrl, 'expected a URL without user and password, such as https://host/path')
    .describe('Where events are posted to. Redirects are not followed.'),
  secret: secret({ mayHaveDefault: false }).describe(
    'What they are signed with, by reference: `whsec_` and the base64 of 24 to 64 random bytes, one for each receiver.',
  ),
  previousSecret: secret({ mayHaveDefault: false })
    .optional()
    .describe('While a receiver changes its secret: events are signed with this one, too.'),
  events: z
    .array(z.enum(alertTypes))
    .min(1, 'expected at least one kind of event')
    .default([...alertTypes])
    .describe(
      '`budget.threshold`: what is debited in a window reached a percentage of `warnAt`. `budget.exhausted`: a hard budget ' +
        'refused the first call of a window.',
    ),
  timeout: duration({ atLeastMs: 100, atMostMs: 60_000 })
    .prefault('10s')
    .describe('How long the receiver may take to answer; later is a failure, and it is tried again.'),
});

const keys = {
  alerts: z
    .strictObject({
      webhooks: z
        .record(entryName(), webhook)
        .default({})
        .describe('Receivers of events, by a name of your choice. What changes here holds for events from then on.'),
    })
    .prefault({})
    .describe('Who is told when budgets run out; see [limits-and-budgets.md](../limits-and-budgets.md#events).'),
};

export type WebhookSettings = Frozen<z.output<typeof webhook>>;

const isLocal = (host: string): boolean => host === 'localhost' || host === '[::1]' || /^127[.]/.test(host);

function isReadable(text: string): boolean {
  const { protocol, hostname } = new URL(text);
  return protocol === 'http:' && !isLocal(hostname);
}

function urlFindings(text: string, path: ConfigFinding['path']): readonly ConfigFinding[] {
  if (!isReadable(text)) return [];
  return [{ path, message: 'what is sent there can be read on the way', fix: 'Use https.', severity: 'warning' }];
}

function secretFindings(value: Secret | undefined, path: ConfigFinding['path']): readonly ConfigFinding[] {
  // One that could not be read has been told already.
  if (value === undefined || value.reveal() === '' || signingKey(value.reveal()) !== undefined) return [];
  return [
    {
      path,
      message: 'it is no secret of Standard Webhooks',
      fix: 'Make one: echo "whsec_$(openssl rand -base64 32)".',
    },
  ];
}

export const alertsConfig: ConfigSection<typeof keys> = {
  name: 'alerts',
  summary: 'Signed webhooks that tell when budgets run out.',
  keys,
  references: [],
  check: ({ alerts }) =>
    Object.entries(alerts?.webhooks ?? {}).flatMap(([name, { url, secret: current, previousSecret }]) => [
      ...urlFindings(url, ['alerts', 'webhooks', name, 'url']),
      ...secretFindings(current, ['alerts', 'webhooks', name, 'secret']),
      ...secretFindings(previousSecret, ['alerts', 'webhooks', name, 'previousSecret']),
    ]),
};
