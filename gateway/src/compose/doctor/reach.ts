import { probe } from '#adapters/probe/http-probe.ts';
import type { Clock } from '#kernel/clock.ts';
import { failed, ok, warning, type Check, type ClockDifferences } from './finding.ts';

interface Around {
  readonly clock: Clock;
  readonly clocks: ClockDifferences;
}

/** Whether the keys of callers' tokens can be read: without them no token is taken. */
export function signingKeyChecks(
  { authority, tenants }: { readonly authority: string; readonly tenants: readonly string[] },
  { clock, clocks }: Around,
): readonly Check[] {
  return tenants.map((tenant) => {
    const name = `callers' tokens, tenant ${tenant}`;
    const url = `${authority}/${tenant}/discovery/v2.0/keys`;
    return {
      name,
      async run() {
        const answer = await probe({ url }, clock);
        if (!answer.reached) return [failed(name, `${new URL(url).host}: ${answer.why}`, answer.fix)];
        clocks.add(new URL(url).hostname, answer.aheadMs);
        return [
          answer.status === 200
            ? ok(name, `its keys can be read at ${new URL(url).host}`)
            : failed(
                name,
                `${new URL(url).host} answers ${answer.status}`,
                'Correct `entra.tenants` and `entra.authority`.',
              ),
        ];
      },
    };
  });
}

/** Whether what telemetry is sent to is there: any answer will do, and nothing is sent. */
export function telemetryCheck(endpoint: string, { clock, clocks }: Around): Check {
  const name = 'telemetry';
  return {
    name,
    async run() {
      const answer = await probe({ url: endpoint }, clock);
      const { host } = new URL(endpoint);
      if (!answer.reached) return [warning(name, `${host}: ${answer.why}; traces and metrics are lost`, answer.fix)];
      clocks.add(host, answer.aheadMs);
      return [ok(name, `${host} can be reached`)];
    },
  };
}
