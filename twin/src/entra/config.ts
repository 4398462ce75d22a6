import { z } from 'zod';

const guid = z.guid().transform((text) => text.toLowerCase());

const applicationSchema = z.strictObject({
  secret: z.string().min(1).optional().describe('The client secret; without it only federated tokens sign it in.'),
  uri: z
    .string()
    .min(1)
    .optional()
    .describe('The application id URI, such as `api://tollgate`; default: `api://` and the client id.'),
  tokenVersion: z
    .union([z.literal(1), z.literal(2)])
    .default(2)
    .describe('The version of the tokens made for it.'),
  roles: z
    .record(z.string(), z.array(z.string()))
    .default({})
    .describe('App roles that it was given, by the client id of the application that defines them.'),
  groups: z.array(guid).default([]).describe('Groups that it is a member of; its tokens list them.'),
});

const defaultTenant = '7a0f1c00-0000-4000-8000-000000000001';
/** Tollgate's own registration, in the twin. */
const tollgate = '7a0f1c00-0000-4000-8000-00000000a991';

export const entraSchema = z.strictObject({
  tenants: z.array(guid).min(1).default([defaultTenant]),
  applications: z
    .record(guid, applicationSchema)
    .default({
      [tollgate]: { tokenVersion: 2, roles: {}, groups: [] },
      '7a0f1c00-0000-4000-8000-00000000ca11': {
        secret: 'twin-client-secret',
        tokenVersion: 2,
        roles: { [tollgate]: ['Tollgate.Call'] },
        groups: [],
      },
    })
    .describe('App registrations by client id.'),
  identities: z
    .array(z.strictObject({ clientId: guid, system: z.boolean().default(false) }))
    .default([{ clientId: '7a0f1c00-0000-4000-8000-000000001d01', system: true }])
    .describe('Managed identities that the token endpoints know; the system-assigned one needs no client id.'),
  identityHeader: z.string().min(1).default('twin-identity-header').describe('What `IDENTITY_HEADER` has to be.'),
  lifetimeSeconds: z.number().int().positive().default(3600).describe('How long tokens are good for.'),
});
export type EntraSettings = z.output<typeof entraSchema>;

/** Services of Microsoft that tokens can be for, by the resource that a scope names. */
const microsoftResources: ReadonlySet<string> = new Set([
  'https://ai.azure.com',
  'https://cognitiveservices.azure.com',
  'https://azconfig.io',
  'https://appconfig.azure.com',
  'https://vault.azure.net',
  'https://monitor.azure.com',
  'https://api.loganalytics.io',
  'https://api.loganalytics.azure.com',
  'https://management.azure.com',
  'https://redis.azure.com',
  'https://ossrdbms-aad.database.windows.net',
]);

export interface Resource {
  /** What tokens for it name as their audience. */
  readonly audience: string;
  readonly version: 1 | 2;
  /** The client id, where it is an application of the configuration. */
  readonly clientId: string | undefined;
}

/** What a scope or resource stands for; undefined where nobody has registered it. */
export function resourceNamed(name: string, { applications }: EntraSettings): Resource | undefined {
  const bare = name.replace(/\/+$/, '');
  // Azure App Configuration is asked for by the address of the store, too.
  if (microsoftResources.has(bare) || /^https:\/\/[a-z0-9-]+\.azconfig\.io$/.test(bare))
    return { audience: bare, version: 1, clientId: undefined };
  for (const [clientId, one] of Object.entries(applications)) {
    const uri = one.uri ?? `api://${clientId}`;
    if (bare !== uri && bare !== clientId) continue;
    const { tokenVersion: version } = one;
    return { audience: version === 1 ? uri : clientId, version, clientId };
  }
  return undefined;
}
