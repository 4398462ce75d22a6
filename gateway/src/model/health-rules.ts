/** By what an endpoint is judged, and how it comes back. Times in ms, shares in (0, 1]. */
export interface HealthRules {
  /** How far back failures and slow calls are counted. */
  readonly windowMs: number;
  /** It breaks when so many calls failed one after the other, … */
  readonly failuresInRow: number;
  /** … or when at least so many calls of the window failed, and … */
  readonly failureCount: number;
  /** … at least this share of them. */
  readonly failureShare: number;
  /** A stream whose first byte takes longer is slow; null: nothing is. */
  readonly slowMs: number | null;
  readonly slowCount: number;
  readonly slowShare: number;
  /** How long a broken endpoint is left alone; doubles with every trip in a row, … */
  readonly openMs: number;
  /** … up to this. */
  readonly openAtMostMs: number;
  /** The same for one that refuses our credentials or does not know the deployment. */
  readonly quarantineMs: number;
  /** Attempts at a time that find out whether it is well again. */
  readonly probes: number;
  /** Good probes in a row that make it well. */
  readonly closeAfter: number;
  /** How long an endpoint that comes back takes to get its whole share again; at most as long as it was away. */
  readonly rampMs: number;
}

/** Where the configuration says nothing else. */
export const defaultHealthRules: HealthRules = {
  windowMs: 10_000,
  failuresInRow: 5,
  failureCount: 10,
  failureShare: 0.5,
  slowMs: null,
  slowCount: 10,
  slowShare: 0.8,
  openMs: 5_000,
  openAtMostMs: 60_000,
  quarantineMs: 30_000,
  probes: 1,
  closeAfter: 2,
  rampMs: 10_000,
};
