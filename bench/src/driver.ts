import { runLoad } from '#load/run-load.ts';
import type { LoadPlan, LoadResult } from '#load/plan.ts';
import { listenLocally } from '#processes/listen.ts';
import { createCollector } from '#upstream/collector.ts';
import { Pacer } from '#upstream/pacer.ts';
import { StaticUpstream } from '#upstream/static-upstream.ts';
import type { UpstreamCount } from '#upstream/static-upstream.ts';

/** What the parent sends over the IPC channel. */
export interface DriverRequest {
  readonly run: LoadPlan;
}

/** What it gets back: `ready` once, then one answer per request. */
export type DriverMessage =
  | { readonly kind: 'ready'; readonly upstreamPort: number; readonly collectorPort: number }
  | {
      readonly kind: 'result';
      readonly result: LoadResult;
      readonly upstreamBefore: UpstreamCount;
      readonly upstream: UpstreamCount;
    }
  | { readonly kind: 'failed'; readonly why: string };

/**
 * The process on the other core: the static upstream and the load generator on one event loop. Being one process they cost
 * less than two would, and can pace streams by what the client has received (`Pacer`).
 */
export async function driver(): Promise<void> {
  const pacer = new Pacer();
  const upstream = new StaticUpstream(pacer);
  const upstreamPort = await listenLocally(upstream.server);
  const collectorPort = await listenLocally(createCollector());
  process.on('message', (request: DriverRequest) => {
    const upstreamBefore = upstream.count;
    runLoad(request.run, pacer).then(
      (result) => send({ kind: 'result', result, upstreamBefore, upstream: upstream.count }),
      (error: unknown) => send({ kind: 'failed', why: String(error) }),
    );
  });
  // An interrupt from the keyboard reaches every process of the run: the parent is the one who acts on it.
  process.on('SIGINT', () => undefined);
  process.on('disconnect', () => process.exit(0));
  send({ kind: 'ready', upstreamPort, collectorPort });
}

function send(message: DriverMessage): void {
  process.send?.(message);
}
