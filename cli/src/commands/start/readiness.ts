import { z } from 'zod';
import { parseJson } from '#admin/json.ts';
import type { Clock } from '#context.ts';
import type { Child } from './child.ts';

const pollMs = 25;

/** Resolves to true once the address answers 200, to false once `giveUp` is aborted. */
export async function untilReady(url: () => string, clock: Clock, giveUp: AbortSignal): Promise<boolean> {
  while (!giveUp.aborted) {
    try {
      const response = await fetch(url(), { signal: AbortSignal.any([giveUp, AbortSignal.timeout(5_000)]) });
      await response.body?.cancel();
      if (response.status === 200) return true;
    } catch {
      // not listening yet
    }
    await clock.sleep(pollMs);
  }
  return false;
}

/** Where the gateway listens. */
export interface Addresses {
  /** The host to call: 127.0.0.1 where the data plane listens on every interface. */
  readonly host: string;
  readonly port: number;
  readonly adminPort: number;
}

/** The gateway's log line that says where it listens. */
const listeningLine = z.object({
  msg: z.literal('listening'),
  port: z.number().int(),
  adminPort: z.number().int(),
  address: z.string().optional(),
});

function addressesIn(line: string): Addresses | undefined {
  const { data } = listeningLine.safeParse(parseJson(line));
  if (data === undefined) return undefined;
  const { port, adminPort, address = '127.0.0.1' } = data;
  if (address === '0.0.0.0' || address === '::') return { host: '127.0.0.1', port, adminPort };
  return { host: address.includes(':') ? `[${address}]` : address, port, adminPort };
}

/** Where the gateway listens, as soon as its log says so; until then a port of the environment, or the default. */
export function followAddresses(gateway: Child, expected: Addresses): () => Addresses {
  let found: Addresses | undefined;
  let rest = '';
  const watch = gateway.watch((text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) found ??= addressesIn(line);
    if (found !== undefined) watch.stop();
  });
  return () => found ?? expected;
}
