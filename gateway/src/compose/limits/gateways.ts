import type { CounterList, GatewayAccount, WriteOffGateway } from '@tollgate/contract/admin-api/counters.ts';
import { readAccountKey } from '#accounting/budgets/account.ts';
import type { Engine } from '#accounting/budgets/engine.ts';
import type { GatewayAccount as Standing } from '#accounting/budgets/gateways.ts';
import { CountersFenced, CountersUnavailable } from '#accounting/budgets/ports.ts';
import type { AdminCounters } from '#admin/ports.ts';
import type { Directory } from '#directory/directory.ts';
import { Failure } from '#kernel/errors.ts';

const instant = (ms: number): string => new Date(ms).toISOString();

function shown({ key, granted, sums, outstanding }: Standing): readonly GatewayAccount[] {
  const read = readAccountKey(key);
  if (read === undefined) return [];
  return [
    {
      budget: read.id,
      unit: read.budget.unit,
      windowStart: instant(read.start),
      windowEnd: instant(read.end),
      granted: String(granted),
      spent: String(sums.spent),
      unknown: String(sums.unknown),
      inFlight: String(sums.inFlight),
      outstanding: String(outstanding),
    },
  ];
}

/** Counters that cannot be asked are no fault of the gateway's. */
async function told<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof CountersUnavailable || error instanceof CountersFenced)) throw error;
    throw new Failure('admin_unready', 'The shared counters cannot be asked now.', { cause: error });
  }
}

/** The gateways that count together, as the admin API shows them. */
export function adminCounters({ engine, directory }: { engine: Engine; directory: Directory }): AdminCounters {
  const { gateways, shared } = engine;
  const list = async (): Promise<CounterList> => ({
    shared,
    gateways: (await told(gateways.list())).map(({ journal, isOwn, isHeard, silentMs, accounts }) => ({
      journal,
      self: isOwn,
      heard: isHeard,
      silentSeconds: Math.floor(silentMs / 1000),
      accounts: accounts.flatMap(shown),
    })),
  });
  return {
    list,
    async writeOff({ journal, reason }: WriteOffGateway) {
      const known = (await told(gateways.list())).find((one) => one.journal === journal);
      if (known === undefined)
        throw new Failure('admin_not_found', `No gateway with the journal '${journal}' has counted here.`);
      const accounts = known.isHeard ? undefined : await told(gateways.writeOff(journal));
      if (accounts === undefined)
        throw new Failure('admin_conflict', `The gateway with the journal '${journal}' is there, and counts.`);
      await directory.note('counters.write-off', `journal/${journal}: ${reason}`);
      return { journal, accounts: accounts.flatMap(shown) };
    },
  };
}
