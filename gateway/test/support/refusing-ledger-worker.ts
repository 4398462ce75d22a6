import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { runLedgerWorker, type LedgerWorkerData } from '../../src/compose/ledger/worker.ts';

// A store that is down as long as there is a file `store-down` in the data folder.
if (parentPort === null) throw new Error('This runs as a worker thread only.');
const data: LedgerWorkerData = workerData;

await runLedgerWorker({
  port: parentPort,
  data,
  wrapStore: (store) => ({
    ...store,
    async append(records, checkpoint, from) {
      if (existsSync(join(data.dataFolder, 'store-down'))) throw new Error('The store is down.');
      return await store.append(records, checkpoint, from);
    },
  }),
});
