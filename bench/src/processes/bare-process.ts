import type { ChildProcess } from 'node:child_process';
import { nextMessage } from './children.ts';
import type { Children } from './children.ts';
import { benchMain } from './paths.ts';

/** The smallest honest proxy as a process of its own. */
export class BareProcess {
  readonly port: number;
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #children: Children;

  private constructor(children: Children, child: ChildProcess, address: { port: number; pid: number }) {
    this.#children = children;
    this.#child = child;
    this.port = address.port;
    this.pid = address.pid;
  }

  static async start(children: Children, upstreamPort: number): Promise<BareProcess> {
    const child = children.start([benchMain, 'bare-proxy', `http://127.0.0.1:${upstreamPort}`], {
      core: 'under-test',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const { port } = await nextMessage<{ port: number }>(child);
    if (child.pid === undefined) throw new Error('the bare proxy was never started');
    return new BareProcess(children, child, { port, pid: child.pid });
  }

  async stop(): Promise<void> {
    await this.#children.stop(this.#child);
  }
}
