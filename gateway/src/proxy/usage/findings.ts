import { unknownUnits, type Units } from '#model/usage-record.ts';

import type { Reading } from './tap.ts';

/** A call of a tool that the provider runs and charges for beyond the tokens. */
export interface HostedCall {
  /** The name under which it is counted in `Units.toolCalls`. */
  readonly tool: string;
  /** What is charged once however often it is called (a container); null where each call is charged. */
  readonly session: string | null;
}

/** What one event, or a whole reply, says about itself. What it does not mention is undefined. */
export interface Finding {
  /** The provider's count of tokens; replaces any earlier one. */
  readonly units?: TokenUnits | undefined;
  readonly model?: string | undefined;
  readonly serviceTier?: string | undefined;
  readonly ending?: Reading['ending'] | undefined;
  /** It failed, and the provider says that this is its own doing. */
  readonly ownFault?: true | undefined;
  /** Calls seen in passing: what counts where a stream is broken off before its end. */
  readonly hostedCalls?: readonly HostedCall[] | undefined;
  /** All calls of the reply, by tool, as its end tells them; replaces what was seen in passing. */
  readonly toolCalls?: Readonly<Record<string, number>> | undefined;
}

export type TokenUnits = Omit<Units, 'toolCalls' | NotInTokens>;

/** Units of operations that do not count in tokens: the readers here read none of those. */
type NotInTokens = 'seconds' | 'characters' | 'images';
const notInTokens: Pick<Units, NotInTokens> = { seconds: 0, characters: 0, images: {} };

/** An ending found later replaces one of a lower rank: an error after the finish fails the reply, a filter wins always. */
const endingRank = { completed: 1, failed: 2, 'filtered-completion': 3 } as const satisfies Record<
  NonNullable<Reading['ending']>,
  number
>;

/** Gathers what a reply says about itself into one reading. */
export class Findings {
  #units: TokenUnits | undefined;
  #toolCalls: Readonly<Record<string, number>> | undefined;
  #model: string | null = null;
  #serviceTier: string | null = null;
  #ending: Reading['ending'] = null;
  #hostedCalls: HostedCall[] = [];
  #ownFault = false;

  add(finding: Finding): void {
    if (finding.units !== undefined) this.#units = finding.units;
    if (finding.model !== undefined) this.#model = finding.model;
    if (finding.serviceTier !== undefined) this.#serviceTier = finding.serviceTier;
    if (finding.ending && (!this.#ending || endingRank[finding.ending] > endingRank[this.#ending])) {
      this.#ending = finding.ending;
    }
    if (finding.ownFault === true) this.#ownFault = true;
    if (finding.hostedCalls !== undefined) this.#hostedCalls.push(...finding.hostedCalls);
    if (finding.toolCalls !== undefined) this.#toolCalls = finding.toolCalls;
  }

  get ownFault(): boolean {
    return this.#ownFault;
  }

  get modelKnown(): boolean {
    return this.#model !== null;
  }

  /** True once nothing about tokens is left to be counted by ourselves. */
  get usageKnown(): boolean {
    return this.#units !== undefined && this.#units.input !== null && this.#units.output !== null;
  }

  reading(): Reading {
    const units = this.#units ?? unknownUnits;
    return {
      units: { ...units, ...notInTokens, toolCalls: this.#toolCalls ?? countHostedCalls(this.#hostedCalls) },
      measuredInput: units.input === null ? 'unknown' : 'reported',
      measuredOutput: units.output === null ? 'unknown' : 'reported',
      reportedModel: this.#model,
      serviceTier: this.#serviceTier,
      ending: this.#ending,
    };
  }
}

/** Calls by tool: each one, or each session once. */
export function countHostedCalls(calls: readonly HostedCall[]): Record<string, number> {
  if (calls.length === 0) return {};
  const charged = new Map<string, { each: number; sessions: Set<string> }>();
  for (const { tool, session } of calls) {
    const counted = charged.get(tool) ?? { each: 0, sessions: new Set() };
    charged.set(tool, counted);
    if (session === null) counted.each += 1;
    else counted.sessions.add(session);
  }
  return Object.fromEntries([...charged].map(([tool, { each, sessions }]) => [tool, each + sessions.size]));
}
