import type { ChildProcess } from 'node:child_process';
import type { DriverMessage, DriverRequest } from '#driver.ts';
import type { LoadPlan, LoadResult } from '#load/plan.ts';
import type { UpstreamCount } from '#upstream/static-upstream.ts';
import { nextMessage } from './children.ts';
import type { Children } from './children.ts';
import { benchMain } from './paths.ts';

/** The process with the static upstream and the load generator. */
export class DriverProcess {
  readonly upstreamPort: number;
  /** Where telemetry may go. */
  readonly collectorPort: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, ports: { readonly upstreamPort: number; readonly collectorPort: number }) {
    this.#child = child;
    this.upstreamPort = ports.upstreamPort;
    this.collectorPort = ports.collectorPort;
  }

  static async start(children: Children): Promise<DriverProcess> {
    const child = children.start([benchMain, 'driver'], {
      core: 'load',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const message = await nextMessage<DriverMessage>(child);
    if (message.kind !== 'ready') throw new Error('the load generator did not start');
    return new DriverProcess(child, message);
  }

  /** One run at a time. */
  async load(plan: LoadPlan): Promise<LoadRunResult> {
    const answer = nextMessage<DriverMessage>(this.#child);
    const request: DriverRequest = { run: plan };
    this.#child.send(request);
    const message = await answer;
    if (message.kind !== 'result') throw new Error(message.kind === 'failed' ? message.why : 'no result came back');
    return message;
  }
}

export interface LoadRunResult {
  readonly result: LoadResult;
  /** The upstream's counts before and after the run, both since the process started. */
  readonly upstreamBefore: UpstreamCount;
  readonly upstream: UpstreamCount;
}
