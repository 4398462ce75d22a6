import type { ChargedTo, ServedBy } from '../../src/model/usage-record.ts';

/** Who calls in the generated month; some names are such as spreadsheets and queries stumble over. */
export const callers: readonly Omit<ChargedTo, 'endUser'>[] = [
  ['marketing-web', 'standard', 'marketing', 'contoso/sales/marketing'],
  ['marketing-batch', 'large', 'marketing', 'contoso/sales/marketing'],
  ['shop', 'standard', 'shop', 'contoso/sales'],
  ['finance-copilot', 'large', 'finance', 'contoso/finance'],
  ['audit', 'standard', 'audit', 'contoso/finance/audit'],
  ['labs', 'large', 'r&d, "labs"', 'contoso/r&d'],
  ['intern', 'standard', '=labs+1', 'contoso/r&d/intern'],
  ['root', 'standard', 'zürich%_', 'contoso'],
].map(([subscription = '', product = '', consumer = '', costCentrePath = '']) => ({
  subscription,
  product,
  consumer,
  costCentrePath,
}));

export interface GeneratedEndpoint {
  readonly servedBy: ServedBy;
  readonly makes: 'text' | 'images' | 'speech' | 'text of sound';
  /** Paid by the hour. */
  readonly provisioned: boolean;
}

const endpoint = (
  [name, resource, region]: readonly [string, string, string],
  [deployment, deploymentType, model]: readonly [string, string, string],
  more: { readonly makes?: GeneratedEndpoint['makes']; readonly version?: string | null } = {},
): GeneratedEndpoint => ({
  servedBy: {
    endpoint: name,
    resource,
    region,
    deployment,
    deploymentType,
    model,
    modelVersion: more.version === undefined ? '2026-03-05' : more.version,
  },
  makes: more.makes ?? 'text',
  provisioned: deploymentType.endsWith('ProvisionedManaged'),
});

const [weu, swc, eus] = [
  ['contoso-weu', 'westeurope'],
  ['contoso-swc', 'swedencentral'],
  ['contoso-eus', 'eastus2'],
] as const;

/** Two of them have the same deployment name in different resources. */
export const endpoints: readonly GeneratedEndpoint[] = [
  endpoint(['mini-weu', ...weu], ['mini', 'GlobalStandard', 'gpt-5.4-mini']),
  endpoint(['mini-swc', ...swc], ['mini', 'DataZoneStandard', 'gpt-5.4-mini']),
  endpoint(['large-swc', ...swc], ['large', 'Standard', 'gpt-5.4']),
  endpoint(['tuned-eus', ...eus], ['tuned', 'Standard', 'gpt-tuned'], { version: null }),
  endpoint(['new-eus', ...eus], ['new', 'GlobalStandard', 'gpt-new']),
  endpoint(['ptu-swc', ...swc], ['ptu', 'ProvisionedManaged', 'gpt-5.4']),
  endpoint(['image-eus', ...eus], ['image', 'GlobalStandard', 'gpt-image'], { makes: 'images' }),
  endpoint(['speech-weu', ...weu], ['speech', 'Standard', 'tts'], { makes: 'speech', version: null }),
  endpoint(['ear-weu', ...weu], ['ear', 'Standard', 'whisper'], { makes: 'text of sound' }),
];
