// The thread that loads configurations, held up by a test: while a file `FILE.hold` stands beside the configuration file, it
// waits (and says so by `FILE.held`); where a file `FILE.die` does, it dies.
import { existsSync, writeFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { serve } from '#adapters/worker-thread/serve.ts';
import type { LoadingData } from '#compose/reload/messages.ts';
import { loadingService } from '#compose/reload/worker.ts';

if (parentPort === null) throw new Error('This is a worker.');
const data: LoadingData = workerData;
const { configFile } = data.settings;
const service = loadingService(data);
const cell = new Int32Array(new SharedArrayBuffer(4));
serve(parentPort, {
  loading: {
    ...service,
    load(request: Parameters<typeof service.load>[0]) {
      if (existsSync(`${configFile}.die`)) process.exit(7);
      const isHeld = (): boolean => existsSync(`${configFile}.hold`);
      if (isHeld()) writeFileSync(`${configFile}.held`, '');
      while (isHeld()) Atomics.wait(cell, 0, 0, 5);
      return service.load(request);
    },
  },
});
