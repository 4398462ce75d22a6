import type { ConfigFinding, Frozen } from '#kernel/config-section.ts';
import { duration, entryName } from '#kernel/config-values.ts';
import { callerProofs, type TokenTerms } from '#model/token-terms.ts';
import { z } from 'zod';

const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function objectId(what: string) {
  return z
    .string()
    .regex(guid, `expected ${what}: 00000000-0000-0000-0000-000000000000`)
    .transform((text) => text.toLowerCase());
}

function isAuthority(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.search !== '' || url.hash !== '' || url.pathname !== '/') return false;
  return (
    url.protocol === 'https:' || (url.protocol === 'http:' && /^(127\.0\.0\.1|localhost|\[::1\])$/.test(url.hostname))
  );
}

const caller = z.strictObject({
  subscription: entryName()
    .optional()
    .describe('Whose call it is: a subscription, of this file or made through the admin API.'),
  subscriptionHeader: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,64}$/, 'expected the name of a header: letters, digits and dashes')
    .transform((text) => text.toLowerCase())
    .optional()
    .describe(
      'Instead of `subscription`: the header that names it. For a gateway in front that knows who calls; nobody else ' +
        'can use the header, because nobody else has a token that fits this entry.',
    ),
  tenant: objectId('a tenant id').optional().describe('The token is of this tenant.'),
  clientId: objectId('a client id')
    .optional()
    .describe('This application asked for it: `azp`, or `appid` in version 1.'),
  group: objectId('the object id of a group').optional().describe('`groups` holds this one.'),
  role: z.string().min(1).optional().describe('`roles` holds this one.'),
  claims: z
    .record(z.string().min(1), z.string().min(1))
    .default({})
    .describe('Further claims by name: each is this text, or a list that holds it.'),
});

/** `entra`. */
export const entra = z
  .strictObject({
    tenants: z.array(objectId('a tenant id')).min(1).describe('The tenants whose tokens are taken, by id.'),
    audiences: z
      .array(z.string().min(1))
      .min(1)
      .describe(
        'Whom a token has to be for: the application of this gateway, as `api://<client id>` (version 1) and ' +
          '`<client id>` (version 2).',
      ),
    proof: z
      .enum(callerProofs)
      .default('key-or-token')
      .describe(
        'What a caller shows: a key or a token; a token in any case; or both, where the key has to be of the ' +
          'subscription that the token stands for.',
      ),
    requires: z
      .strictObject({
        roles: z
          .array(z.string().min(1))
          .default([])
          .describe('App roles, of applications or of people: `roles` of the token.'),
        scopes: z
          .array(z.string().min(1))
          .default([])
          .describe('Delegated permissions, where a person is signed in: `scp` of the token.'),
      })
      .prefault({})
      .describe('A token needs one of these roles or scopes; without any, `callers` alone decides.'),
    callers: z
      .array(caller)
      .min(1)
      .describe('Which subscription a token stands for: the first entry of which everything fits.'),
    clockSkew: duration({ atMostMs: 600_000 })
      .prefault('5m')
      .describe('How far the clocks of Entra and of this machine may differ.'),
    authority: z
      .string()
      .refine(isAuthority, 'expected the address of a login service, such as https://login.microsoftonline.com')
      .transform((text) => text.replace(/\/$/, ''))
      .default('https://login.microsoftonline.com')
      .describe('The login service; sovereign clouds have their own.'),
    allowMicrosoftAudiences: z
      .boolean()
      .default(false)
      .describe(
        "True lets `audiences` name services of Microsoft. Whoever is shown such a token can use it against the caller's " +
          'own resources, so leave it false.',
      ),
  })
  .optional()
  .describe('Callers that show an access token of Microsoft Entra instead of a key, or beside it.');

type Values = NonNullable<z.output<typeof entra>>;

/** Audiences that are Microsoft's: Azure OpenAI and its kin, the resource manager, Graph, storage, Key Vault, databases. */
const microsoftHosts =
  /(^|\.)(azure\.com|azure\.net|azure\.us|azure\.cn|microsoft\.com|microsoft\.us|windows\.net|windows\.com|azure-api\.net|chinacloudapi\.cn|usgovcloudapi\.net)$/i;
const microsoftApplications: ReadonlySet<string> = new Set([
  '00000002-0000-0000-c000-000000000000',
  '00000003-0000-0000-c000-000000000000',
  '797f4846-ba00-4fd7-ba43-dac1f8f63013',
  '7d312290-28c8-473c-a0ed-8e53749b6d6d',
  'cfa8b339-82a2-471a-a3c9-0fc0be7a4093',
  'e406a681-f3d4-42a8-90b6-c2b029497af1',
]);

function isMicrosofts(audience: string): boolean {
  const host = URL.parse(audience)?.hostname ?? '';
  return microsoftApplications.has(audience.toLowerCase()) || microsoftHosts.test(host);
}

/** What no schema can say about `entra`. */
export function entraFindings(
  values: Values | undefined,
  subscriptions: Readonly<Record<string, unknown>>,
): readonly ConfigFinding[] {
  if (values === undefined) return [];
  return [
    ...values.audiences.flatMap((audience, index) =>
      values.allowMicrosoftAudiences || !isMicrosofts(audience)
        ? []
        : [
            {
              path: ['entra', 'audiences', index],
              message: `'${audience}' is a service of Microsoft: whoever holds such a token could use it there`,
              fix: 'Register an application for the gateway and name it: api://<client id>.',
            },
          ],
    ),
    ...values.callers.flatMap((one, index) => callerFindings(one, { index, values, subscriptions })),
  ];
}

function callerFindings(
  one: Values['callers'][number],
  within: {
    readonly index: number;
    readonly values: Values;
    readonly subscriptions: Readonly<Record<string, unknown>>;
  },
): readonly ConfigFinding[] {
  const { index, values, subscriptions } = within;
  const path = ['entra', 'callers', index];
  const findings: ConfigFinding[] = [];
  const asks = [one.tenant, one.clientId, one.group, one.role].some((value) => value !== undefined);
  if (!asks && Object.keys(one.claims).length === 0)
    findings.push({
      path,
      message: 'it says nothing that a token has to fit, so it would fit every token',
      fix: 'Name a clientId, a group, a role, a claim or a tenant.',
    });
  if (one.tenant !== undefined && !values.tenants.includes(one.tenant))
    findings.push({
      path: [...path, 'tenant'],
      message: 'no token of this tenant is taken',
      fix: 'Add it to entra.tenants.',
    });
  if ((one.subscription === undefined) === (one.subscriptionHeader === undefined))
    findings.push({
      path,
      message: 'it has to say whose call it is, in one way',
      fix: 'Name a subscription, or for a gateway in front the subscriptionHeader in which it names one.',
    });
  if (one.subscription !== undefined && !(one.subscription in subscriptions))
    findings.push({
      path: [...path, 'subscription'],
      severity: 'warning',
      message: `no subscription of this file is named '${one.subscription}'`,
      fix: 'Until one of this name is made through the admin API, its callers are refused.',
    });
  return findings;
}

/** Tokens of version 1 are issued by a service of their own, one in each cloud. */
const firstIssuers: Readonly<Record<string, string>> = {
  'https://login.partner.microsoftonline.cn': 'https://sts.chinacloudapi.cn',
  'https://login.chinacloudapi.cn': 'https://sts.chinacloudapi.cn',
};

export function tokenTermsOf(values: Frozen<Values>): TokenTerms {
  return Object.freeze({
    proof: values.proof,
    authority: values.authority,
    firstIssuer: firstIssuers[values.authority] ?? 'https://sts.windows.net',
    tenants: values.tenants,
    audiences: values.audiences,
    clockSkewMs: values.clockSkew,
    requires: { roles: new Set(values.requires.roles), scopes: new Set(values.requires.scopes) },
    rules: values.callers.map(
      ({
        subscription = '',
        subscriptionHeader,
        tenant = null,
        clientId = null,
        group = null,
        role = null,
        claims,
      }) => ({
        charged: subscriptionHeader === undefined ? { subscription } : { header: subscriptionHeader },
        tenant,
        clientId,
        group,
        role,
        claims: Object.entries(claims),
      }),
    ),
  });
}
