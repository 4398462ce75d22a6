import type { ConfigFinding, ConfigSection } from '#kernel/config-section.ts';
import { entryName, instant, secret } from '#kernel/config-values.ts';
import type { Secret } from '#kernel/secret.ts';
import { hasTokenForm } from '#model/token-terms.ts';
import { limitFindings, limitMembers, organisationLimits } from '#model/limit-settings.ts';
import { z } from 'zod';
import { entra, entraFindings } from './entra-config.ts';
import { front } from './front-config.ts';

/** As many characters as API Management's own keys have. */
const shortestKey = 32;

const keys = {
  organisation: entryName().describe(
    'The root of the cost-centre tree; the first part of every cost-centre path in the ledger.',
  ),
  ...organisationLimits,
  costCentres: z
    .record(
      entryName(),
      z.strictObject({
        name: z.string().min(1).max(100).optional().describe('What people call it; default: its key.'),
        parent: z
          .string()
          .optional()
          .describe('The cost centre that it belongs to; without one it stands right under the organisation.'),
        ...limitMembers,
      }),
    )
    .default({})
    .describe('Who pays: a tree of cost centres by name. Money rolls up to the organisation.'),
  consumers: z
    .record(entryName(), z.strictObject(limitMembers))
    .default({})
    .describe('Limits and budgets of consumers, by the name that subscriptions give them.'),
  endUsers: z
    .strictObject({
      secret: secret({ mayHaveDefault: false }).describe(
        'What their ids are hashed with (HMAC-SHA256), by reference: at least 32 characters. Another one makes strangers of ' +
          'all of them; deleting it erases who they were.',
      ),
      header: z
        .string()
        .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'expected a header name in lower case, such as x-end-user')
        .optional()
        .describe('A header that names the end user; before `safety_identifier` and `user` of the body.'),
    })
    .optional()
    .describe(
      'Tells end users apart: records hold a keyed hash of `safety_identifier`, else `user`, of the body, never the id ' +
        'itself. Without it nothing of end users is recorded, and `perEndUser` limits all of a product as one.',
    ),
  subscriptions: z
    .record(
      entryName(),
      z.strictObject({
        product: z.string().describe('What the subscription may use, and on which terms: a name under `products`.'),
        consumer: entryName().describe('The team or application that is charged.'),
        costCentre: z.string().describe('Who pays for the consumer: a name under `costCentres`.'),
        suspended: z.boolean().default(false).describe('True refuses its calls with 403 until it is false again.'),
        expiresAt: instant()
          .optional()
          .describe('When its keys stop working (RFC 3339, with a zone); without it, never.'),
        keys: z
          .strictObject({
            primary: secret({ mayHaveDefault: false })
              .optional()
              .describe('By reference only: `"${NAME}"`, `{ file: path }` or `{ keyVault: address }`.'),
            secondary: secret({ mayHaveDefault: false }).optional().describe('By reference only.'),
          })
          .optional()
          .describe(
            'Keys that come from elsewhere. Without them, keys are made and regenerated through the admin API, where ' +
              'they are shown once; the file never holds a key in clear.',
          ),
        ...limitMembers,
      }),
    )
    .default({})
    .describe('Who calls: a subscription owns a primary and a secondary key. What stands here is read-only elsewhere.'),
  entra,
  front,
};

type Values = Partial<z.output<z.ZodObject<typeof keys>>>;

/** Deeper trees are a mistake, and every level is one more budget for each call below it. */
const deepestTree = 16;

/** Circles, each told once, and branches that are too deep. Looks at every cost centre once. */
function treeFindings(costCentres: NonNullable<Values['costCentres']>): readonly ConfigFinding[] {
  const findings: ConfigFinding[] = [];
  const depths = new Map<string, number>();
  for (const start of Object.keys(costCentres)) {
    const walked = new Set<string>();
    let at: string | undefined = start;
    while (at !== undefined && !walked.has(at) && !depths.has(at)) {
      walked.add(at);
      at = costCentres[at]?.parent;
    }
    if (at !== undefined && walked.has(at)) findings.push(circle([...walked], at));
    let depth = at === undefined ? 0 : (depths.get(at) ?? 0);
    for (const name of [...walked].toReversed()) {
      depth += 1;
      depths.set(name, depth);
      if (depth === deepestTree + 1)
        findings.push({
          path: ['costCentres', name, 'parent'],
          message: `it stands ${depth} levels below the organisation; ${deepestTree} are allowed`,
          fix: 'Put it under a cost centre further up.',
        });
    }
  }
  return findings;
}

function circle(walked: readonly string[], at: string): ConfigFinding {
  const round = walked.slice(walked.indexOf(at));
  return {
    path: ['costCentres', at, 'parent'],
    message: `the cost centres go round in a circle: ${[...round, at].join(' -> ')}`,
    fix: 'Leave the parent of one of them out: it then stands right under the organisation.',
  };
}

/** A consumer that is charged to two cost centres would be counted in neither as a whole. */
function placeFindings(subscriptions: NonNullable<Values['subscriptions']>): readonly ConfigFinding[] {
  const places = new Map<string, { readonly costCentre: string; readonly by: string }>();
  return Object.entries(subscriptions).flatMap(([name, { consumer, costCentre }]) => {
    const known = places.get(consumer);
    if (known === undefined) places.set(consumer, { costCentre, by: name });
    if (known === undefined || known.costCentre === costCentre) return [];
    return [
      {
        path: ['subscriptions', name, 'costCentre'],
        message: `the consumer '${consumer}' stands in two places: '${known.by}' charges it to '${known.costCentre}'`,
        fix: 'Charge a consumer to one cost centre, or make it two consumers.',
      },
    ];
  });
}

function ofAll(key: string, entries: object): readonly ConfigFinding[] {
  return Object.entries(entries).flatMap(([name, entry]) => limitFindings(entry, [key, name]));
}

function nodeFindings(values: Values): readonly ConfigFinding[] {
  const { costCentres = {}, consumers = {}, subscriptions = {} } = values;
  return [
    ...limitFindings(values, []),
    ...ofAll('costCentres', costCentres),
    ...ofAll('consumers', consumers),
    ...ofAll('subscriptions', subscriptions),
  ];
}

function endUserFindings(value: Secret | undefined): readonly ConfigFinding[] {
  // One that could not be read has been told already.
  if (value === undefined || value.reveal() === '' || value.reveal().length >= shortestKey) return [];
  return [
    {
      path: ['endUsers', 'secret'],
      message: `it has fewer than ${shortestKey} characters`,
      fix: 'Use a long random one: openssl rand -base64 32.',
    },
  ];
}

function keyFindings(subscriptions: NonNullable<Values['subscriptions']>): readonly ConfigFinding[] {
  const findings: ConfigFinding[] = [];
  const owners = new Map<string, string>();
  for (const [name, subscription] of Object.entries(subscriptions)) {
    for (const slot of ['primary', 'secondary'] as const) {
      const key: Secret | undefined = subscription.keys?.[slot];
      if (key === undefined || key.reveal() === '') continue;
      const path = ['subscriptions', name, 'keys', slot];
      const text = key.reveal();
      if (text.length < shortestKey || !/^[\x21-\x7e]+$/.test(text)) {
        findings.push({
          path,
          message: `the key is not of at least ${shortestKey} visible ASCII characters`,
          fix: 'Use a long random one: openssl rand -base64 32.',
        });
      }
      if (hasTokenForm(text)) {
        findings.push({
          path,
          message: 'the key has the form of an access token, and would be taken for one',
          fix: 'Use a long random one: openssl rand -base64 32.',
        });
      }
      const owner = owners.get(text);
      if (owner !== undefined) {
        findings.push({ path, message: `it is the same key as ${owner}`, fix: 'Give every slot a key of its own.' });
      }
      owners.set(text, `${slot} of '${name}'`);
    }
  }
  return findings;
}

export const consumersConfig: ConfigSection<typeof keys> = {
  name: 'consumers',
  summary: 'The organisation: who pays, and who calls.',
  keys,
  references: [
    { from: ['costCentres', '*', 'parent'], to: 'costCentres', noun: 'cost centre' },
    { from: ['subscriptions', '*', 'costCentre'], to: 'costCentres', noun: 'cost centre' },
    { from: ['subscriptions', '*', 'product'], to: 'products', noun: 'product' },
  ],
  check: (values) => [
    ...treeFindings(values.costCentres ?? {}),
    ...placeFindings(values.subscriptions ?? {}),
    ...nodeFindings(values),
    ...endUserFindings(values.endUsers?.secret),
    ...keyFindings(values.subscriptions ?? {}),
    ...entraFindings(values.entra, values.subscriptions ?? {}),
  ],
};
