import { pino } from 'pino';
import { startTwin, type RunningTwin } from '../../../twin/src/server.ts';
import { TokenCache } from '../../src/adapters/azure-identity/token-cache.ts';
import type { Log } from '../../src/kernel/log.ts';
import { ManualClock } from './manual-clock.ts';

const identity = '7a0f1c00-0000-4000-8000-000000001d01';

export interface EntraTokens {
  readonly twin: RunningTwin;
  /** Of the twin, which issues tokens, and of those who keep them. */
  readonly clock: ManualClock;
  readonly log: Log;
  readonly lines: readonly string[];
  /** Of the managed identity. */
  readonly objectId: string;
  /** A cache of its own, as every process has one. */
  cache(): TokenCache;
}

/** A managed identity of a twin whose hours pass when the test says so. */
export async function entraTokens(context: { after(close: () => Promise<void>): void }): Promise<EntraTokens> {
  const clock = new ManualClock();
  const twin = await startTwin({
    clock: {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      after: (ms, run) => clock.after(ms, run),
      turn: async () => await new Promise((resolve) => setImmediate(resolve)),
    },
  });
  context.after(() => twin.close());
  const lines: string[] = [];
  const log = pino({ base: null }, { write: (line: string) => void lines.push(line) });
  const { oid } = twin.azure.issuer.read(twin.azure.token({ clientId: identity, audience: 'any' })) ?? {};
  const source = {
    name: 'managed-identity',
    async fetch(scope: string) {
      const resource = encodeURIComponent(scope.replace(/\/\.default$/, ''));
      const reply = await fetch(`${twin.url}/msi/token?api-version=2019-08-01&resource=${resource}`, {
        headers: { 'x-identity-header': 'twin-identity-header' },
      });
      if (!reply.ok) throw new Error(`The token service answered ${reply.status}.`);
      const { access_token: text, expires_on: ends } = (await reply.json()) as Record<string, string>;
      return { text: text ?? '', expiresAt: Number(ends) * 1000 };
    },
  };
  return {
    twin,
    clock,
    log,
    lines,
    objectId: typeof oid === 'string' ? oid : '',
    cache: () => new TokenCache({ source, clock, log }),
  };
}
