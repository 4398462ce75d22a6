import type { HealthRules } from './health-rules.ts';
import type { YieldPoints } from './priority.ts';

/** The surface that an endpoint is called by; what a dated version lacks is not used there. */
type UpstreamSurface = { readonly kind: 'v1' } | { readonly kind: 'classic'; readonly apiVersion: string };

export const deploymentTypes = [
  'Standard',
  'DataZoneStandard',
  'GlobalStandard',
  'ProvisionedManaged',
  'DataZoneProvisionedManaged',
  'GlobalProvisionedManaged',
  'GlobalBatch',
  'DataZoneBatch',
] as const;
export type DeploymentType = (typeof deploymentTypes)[number];

/** How Tollgate signs in to the resource. The secret itself lives only here, in memory. */
export type EndpointCredential =
  | { readonly kind: 'api-key'; readonly key: string }
  | { readonly kind: 'token'; readonly provider: string; readonly scope: string };

/** One Azure OpenAI deployment. */
export interface Endpoint {
  readonly name: string;
  /** Base URL of the resource, without a trailing slash: `https://contoso-weu.openai.azure.com` (the twin has a path: one per resource). */
  readonly resource: string;
  /** What reports call the resource: the first label of its host, or the name that the configuration gives it. */
  readonly resourceName: string;
  readonly region: string;
  readonly deployment: string;
  readonly deploymentType: DeploymentType;
  /** The base model, by the name of the price book. */
  readonly model: string;
  readonly modelVersion: string | null;
  readonly surface: UpstreamSurface;
  readonly credential: EndpointCredential;
  readonly health: HealthRules;
  /** Null where it is not provisioned throughput. */
  readonly yieldAt: YieldPoints | null;
  /** The most attempts under way at a time; null: as many as come. */
  readonly maxInFlight: number | null;
  /** Taken out of service by the configuration: nothing new is sent to it. */
  readonly drain: boolean;
}

/** It runs batches, and answers no calls. */
export function takesBatches({ deploymentType }: Pick<Endpoint, 'deploymentType'>): boolean {
  return deploymentType.endsWith('Batch');
}

/** Throughput that is paid by the hour: used before anything that is paid by the token. */
export function isProvisioned({ deploymentType }: Endpoint): boolean {
  return deploymentType.endsWith('ProvisionedManaged');
}
