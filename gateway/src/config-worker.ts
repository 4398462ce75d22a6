import { enableCompileCache } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import type { LoadingData } from '#compose/reload/messages.ts';

// A root of its own: the thread that a reload is done in, so that no call waits for the parser. It lives as long as one
// reload; what it starts with is compiled once.
enableCompileCache();
const [{ serve }, { loadingService }] = await Promise.all([
  import('#adapters/worker-thread/serve.ts'),
  import('#compose/reload/worker.ts'),
]);
if (parentPort === null) throw new Error('config-worker.ts runs as a worker thread only.');
const data: LoadingData = workerData;
serve(parentPort, { loading: loadingService(data) });
