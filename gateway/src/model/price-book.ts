import type { Endpoint } from './endpoint.ts';
import type { Cost } from './money.ts';
import type { Units } from './usage-record.ts';

/** What of an endpoint its prices depend on: an old record has it too, whatever became of the endpoint. */
export type PricedEndpoint = Pick<Endpoint, 'model' | 'modelVersion' | 'deploymentType' | 'region'>;

/** What a price depends on, once an attempt is over. */
export interface PricedUsage {
  readonly endpoint: PricedEndpoint;
  readonly units: Units;
  /** As served; null is the default tier. */
  readonly serviceTier: string | null;
  readonly reportedModel: string | null;
  /** Set where Azure's own spillover served it: it is priced as pay-as-you-go, not as the provisioned deployment. */
  readonly spilledFrom: string | null;
  /** The product that the caller used; internal rates may be its own. */
  readonly product: string | null;
  /** Admission of the attempt, UTC ms: the price in force then applies. */
  readonly at: number;
}

/** What a call is priced by, whatever it turns out to use. */
export interface PriceTerms {
  cost(units: Units): Cost;
}

/** One immutable set of prices. An attempt settles with the book it was admitted under. */
export interface PriceBook {
  /** Changes when any price changes. */
  readonly id: string;
  /** One value for all calls that are priced alike: whoever prices many of them need price each kind only once. */
  terms(call: Omit<PricedUsage, 'units'>): PriceTerms;
  cost(usage: PricedUsage): Cost;
  /** The meters of an ordinary call to this endpoint that have no price at `at`; empty where it is priced. */
  missing(endpoint: PricedEndpoint, at: number): readonly string[];
  /**
   * Names the prices that calls to this endpoint meet at `at` (UTC ms), in every tier and on every layer, by the price of
   * its deployment: where two moments, or two books, give the same name, the same use costs the same.
   */
  edition(endpoint: PricedEndpoint, given: { readonly product: string; readonly at: number }): string;
}
