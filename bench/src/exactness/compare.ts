import type { TwinAttempt, TwinUsage } from '@tollgate/contract/twin.ts';
import { nothingUsed, type UsageFigures, type UsageReport } from '@tollgate/contract/usage.ts';
import type { UpstreamCount } from '#upstream/static-upstream.ts';

/** One figure on both sides. */
interface Compared {
  readonly figure: string;
  readonly ledger: number;
  readonly upstream: number;
  /** `equal`: they must be the same; `at-most`: the ledger may hold less, because a call was broken off. */
  readonly rule: 'equal' | 'at-most';
  readonly holds: boolean;
}

export interface Comparison {
  readonly exact: boolean;
  readonly compared: readonly Compared[];
}

const tokenFigures = ['inputTokens', 'cachedInputTokens', 'outputTokens', 'reasoningTokens'] as const;
type TokenFigure = (typeof tokenFigures)[number];
type Tokens = Readonly<Record<TokenFigure, number>>;

/** What of a report is compared. */
export type ComparedReport = Pick<UsageReport, 'rows' | 'total' | 'lag'>;

/** Figures that say the ledger did not get its tokens from the provider. For replies received in full, all are 0. */
const notReported = ['unpricedRequests', 'unknownUsageRequests', 'deliveredOnlyRequests', 'estimatedRequests'] as const;

/** Every reply was received in full: the ledger holds exactly what the static upstream has reported, and nothing else. */
export function compareWithUpstream(
  report: ComparedReport,
  upstream: UpstreamCount,
  receivedByClient: number,
): Comparison {
  const { total } = report;
  return comparison([
    ...lag(report),
    equal('requests', total.requests, receivedByClient),
    equal('attempts', total.attempts, upstream.requests),
    equal('streams broken off', 0, upstream.brokenOff),
    ...tokens('', total, upstream),
    ...notReported.map((figure) => equal(figure, total[figure], 0)),
  ]);
}

/** What the twin says of an attempt beyond the contract: which of its resources served it. */
export type LocatedAttempt = TwinAttempt & { readonly resource: string };

export interface TwinTraffic {
  /** `GET /admin/v1/usage?by=deployment` */
  readonly byDeployment: ComparedReport;
  /** `GET /admin/v1/usage?by=outcome` */
  readonly byOutcome: ComparedReport;
  readonly twin: Pick<TwinUsage, 'total'> & { readonly attempts: readonly LocatedAttempt[] };
  /** `resource/deployment`, as reports name it, whose streams the client broke off; all others were received in full. */
  readonly brokenOffDeployment: string;
  /** Replies that the client has received in full, and streams that it broke off. */
  readonly received: number;
  readonly brokenOff: number;
}

/**
 * Replies received in full: equal to the token, per deployment. Calls broken off are compared apart: each is there once,
 * and the ledger counts no more output than the twin has generated (their input is an estimate, so it is not compared).
 */
export function compareWithTwin(traffic: TwinTraffic): Comparison {
  const { byDeployment, byOutcome, twin, brokenOffDeployment } = traffic;
  const answered = twin.attempts.filter((attempt) => attempt.status >= 200 && attempt.status < 300);
  const whole = answered.filter((attempt) => attempt.complete && keyOf(attempt) !== brokenOffDeployment);
  const cut = twin.attempts.filter((attempt) => keyOf(attempt) === brokenOffDeployment);
  const cutRow = row(byDeployment, brokenOffDeployment);
  const deployments = new Set([
    ...byDeployment.rows.map((each) => each.key),
    ...twin.attempts.map((each) => keyOf(each)),
  ]);
  deployments.delete(brokenOffDeployment);
  return comparison([
    ...lag(byDeployment),
    ...lag(byOutcome),
    // A twin that has forgotten attempts would make the sums below look right.
    equal('attempts answered, of those that the twin lists', answered.length, twin.total.requests),
    equal('replies received in full', traffic.received, whole.length),
    equal(
      'outcome completed: attempts',
      row(byOutcome, 'completed').attempts - endedBeforeTheCut(cutRow),
      whole.length,
    ),
    ...[...deployments].toSorted().flatMap((name) => {
      const served = twin.attempts.filter((attempt) => keyOf(attempt) === name);
      const booked = row(byDeployment, name);
      return [
        equal(`${name}: attempts`, booked.attempts, served.length),
        ...tokens(`${name}: `, booked, sumTokens(served)),
        ...notReported.map((figure) => equal(`${name}: ${figure}`, booked[figure], 0)),
      ];
    }),
    equal('broken off: requests', cutRow.requests, traffic.brokenOff),
    equal('broken off: attempts', cutRow.attempts, cut.length),
    atMost('broken off: outputTokens', cutRow.outputTokens ?? 0, sumTokens(cut).outputTokens),
  ]);
}

function keyOf(attempt: LocatedAttempt): string {
  return `${attempt.resource}/${attempt.deployment}`;
}

function row(report: ComparedReport, key: string): UsageFigures {
  return report.rows.find((each) => each.key === key) ?? nothingUsed;
}

/** Streams that had come to their end before the gateway noticed that its client was gone: exact, and `completed`. */
function endedBeforeTheCut(cut: UsageFigures): number {
  return cut.attempts - cut.deliveredOnlyRequests - cut.unknownUsageRequests;
}

function lag(report: ComparedReport): Compared[] {
  return [
    equal('records not yet in the store', report.lag.records, 0),
    equal('attempts not yet settled', report.lag.openAttempts, 0),
  ];
}

/** Where nothing is known, that is counted by itself: see `notReported`. */
function tokens(prefix: string, ledger: Pick<UsageFigures, TokenFigure>, upstream: Tokens): Compared[] {
  return tokenFigures.map((figure) => equal(prefix + figure, ledger[figure] ?? 0, upstream[figure]));
}

function sumTokens(parts: readonly Tokens[]): Tokens {
  const sum = (figure: TokenFigure): number => parts.reduce((total, part) => total + part[figure], 0);
  return {
    inputTokens: sum('inputTokens'),
    cachedInputTokens: sum('cachedInputTokens'),
    outputTokens: sum('outputTokens'),
    reasoningTokens: sum('reasoningTokens'),
  };
}

function equal(figure: string, ledger: number, upstream: number): Compared {
  return { figure, ledger, upstream, rule: 'equal', holds: ledger === upstream };
}

function atMost(figure: string, ledger: number, upstream: number): Compared {
  return { figure, ledger, upstream, rule: 'at-most', holds: ledger <= upstream };
}

function comparison(compared: readonly Compared[]): Comparison {
  return { exact: compared.every((each) => each.holds), compared };
}
