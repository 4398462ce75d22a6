import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TwinTraffic } from '#exactness/compare.ts';
import type { Children } from './children.ts';
import { freePorts } from './free-port.ts';
import { get, getJson } from './get-json.ts';
import { twinMain } from './paths.ts';

const startPatienceMs = 30_000;
const endPatienceMs = 30_000;

/** The offline Azure OpenAI, which counts every token that it generates with the real tokenizer. */
export class TwinProcess {
  readonly port: number;
  readonly key = 'bench-twin-key';

  private constructor(port: number) {
    this.port = port;
  }

  /** Quick but not immediate: a stream that is broken off has not been generated to its end by then. */
  static async start(children: Children, folder: string): Promise<TwinProcess> {
    const [port = 0] = await freePorts(1);
    const twin = new TwinProcess(port);
    const log = join(folder, 'twin.log');
    const out = openSync(log, 'a');
    const child = children.start([twinMain, '--port', String(port), '--key', twin.key, '--latency', 'fast'], {
      core: 'load',
      stdio: ['ignore', out, out],
    });
    closeSync(out);
    await twin.#ready(child, log);
    return twin;
  }

  /** What it has generated. Waits until nothing is running any more: a call that was broken off ends a moment later. */
  async usage(): Promise<TwinTraffic['twin']> {
    const deadline = Date.now() + endPatienceMs;
    for (;;) {
      const usage = await getJson<TwinTraffic['twin'] & { running?: number }>({
        port: this.port,
        path: '/_twin/usage',
      });
      if ((usage.running ?? 0) === 0) return usage;
      if (Date.now() > deadline) throw new Error(`${usage.running} calls of the twin do not end`);
      await sleep(50);
    }
  }

  async #ready(child: ChildProcess, log: string): Promise<void> {
    const deadline = Date.now() + startPatienceMs;
    for (;;) {
      const answered = await get({ port: this.port, path: '/_twin/usage' }).catch(() => undefined);
      if (answered?.status === 200) return;
      const ended = child.exitCode ?? child.signalCode;
      if (ended !== null || Date.now() > deadline)
        throw new Error(`the twin did not start:\n${readFileSync(log, 'utf8')}`);
      await sleep(25);
    }
  }
}
