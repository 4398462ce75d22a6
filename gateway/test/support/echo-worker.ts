import { parentPort, workerData } from 'node:worker_threads';
import { logTo, serve } from '../../src/adapters/worker-thread/serve.ts';
import { Failure } from '../../src/kernel/errors.ts';

const data = workerData as { readonly started: SharedArrayBuffer; readonly failFrom?: number };
const started = Atomics.add(new Int32Array(data.started), 0, 1) + 1;

export const services = {
  echo: {
    say: (text: string, amount: bigint) => ({ text, amount, incarnation: started }),
    refuse(): never {
      throw new Failure('admin_conflict', 'It exists.', { param: 'name', cause: new Error('secret') });
    },
    fail(): never {
      throw new TypeError('broken');
    },
    crash(): void {
      process.exit(3);
    },
    note(): void {
      if (parentPort !== null) logTo(parentPort).info({ noted: true }, 'noted');
    },
    async never(): Promise<void> {
      await new Promise(() => undefined);
    },
    unclonable: (): unknown => () => undefined,
  },
};

if (data.failFrom !== undefined && started >= data.failFrom) throw new Error('will not start');
if (parentPort !== null) serve(parentPort, services);
