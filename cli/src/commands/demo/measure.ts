import type { TwinAttempt } from '@tollgate/contract/twin.ts';
import type { UsageReport } from '@tollgate/contract/usage.ts';
import { z } from 'zod';
import type { AdminClient } from '#admin/client.ts';
import { parseJson } from '#admin/json.ts';
import type { Clock } from '#context.ts';
import { CommandFailure, exitCodes } from '#failure.ts';
import { fetchUsage } from '../usage/fetch-usage.ts';
import { knownOf, sumOf, type LedgerFigures, type TwinFigures } from './compare.ts';

const count = z.number().int().nonnegative();
const twinUsageSchema = z.object({
  attempts: z.array(
    z.object({
      id: z.string(),
      deployment: z.string(),
      operation: z.string(),
      stream: z.boolean(),
      status: z.number().int(),
      inputTokens: count,
      cachedInputTokens: count,
      outputTokens: count,
      reasoningTokens: count,
      complete: z.boolean(),
    }),
  ),
  /** Attempts under way: not in the list yet. */
  running: count.default(0),
});

interface TwinRecord {
  readonly attempts: readonly TwinAttempt[];
  readonly running: number;
}

export interface Measuring {
  readonly admin: AdminClient;
  readonly clock: Clock;
  readonly twinPort: number;
}

async function readTwin({ twinPort }: Measuring): Promise<TwinRecord> {
  const url = `http://127.0.0.1:${twinPort}/_twin/usage`;
  let text: string;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(30_000) });
    text = await response.text();
  } catch (thrown) {
    throw new CommandFailure(`No twin answers on ${url}.`, {
      exitCode: exitCodes.noGateway,
      hints: [
        'The demo compares the ledger with the twin that `npm start` starts; TOLLGATE_TWIN_PORT says where it is.',
      ],
      cause: thrown,
    });
  }
  const parsed = twinUsageSchema.safeParse(parseJson(text));
  if (!parsed.success) throw new CommandFailure(`What answers on ${url} is not the twin.`);
  return parsed.data;
}

export interface Both {
  readonly ledger: LedgerFigures;
  readonly twin: TwinFigures;
}

/** How long what is still under way may take to be recorded on either side. */
const patienceMs = 20_000;
const pollMs = 50;
const waitMs = 5_000;

/** Reads what ledger and twin recorded between two moments; nothing else may call meanwhile. */
export class Meter {
  private readonly measuring: Measuring;
  private readonly seen: Set<string>;

  private constructor(measuring: Measuring, seen: Set<string>) {
    this.measuring = measuring;
    this.seen = seen;
  }

  /** What the twin recorded before does not count. */
  static async begin(measuring: Measuring): Promise<Meter> {
    const { attempts } = await readTwin(measuring);
    return new Meter(measuring, new Set(attempts.map((one) => one.id)));
  }

  /** A moment (RFC 3339) that lies after everything that was admitted so far. */
  async moment(): Promise<string> {
    const { clock } = this.measuring;
    const before = clock.now();
    while (clock.now() <= before) {
      await clock.sleep(1);
    }
    return new Date(clock.now()).toISOString();
  }

  /** Both records since that moment, once they have come to rest: what was drained or cancelled ends later. */
  async since(from: string): Promise<Both> {
    const { admin, clock } = this.measuring;
    const deadline = clock.now() + patienceMs;
    for (;;) {
      const { value } = await fetchUsage(admin, { by: 'consumer', from, waitMs: String(waitMs) });
      const twin = await readTwin(this.measuring);
      const fresh = twin.attempts.filter((one) => !this.seen.has(one.id));
      if (atRest(value, twin, fresh.length) || clock.now() >= deadline) {
        for (const { id } of fresh) this.seen.add(id);
        return { ledger: knownOf(value.total), twin: sumOf(fresh) };
      }
      await clock.sleep(pollMs);
    }
  }
}

function atRest({ lag, total }: UsageReport, twin: TwinRecord, fresh: number): boolean {
  return lag.records === 0 && lag.openAttempts === 0 && twin.running === 0 && fresh >= total.attempts;
}
