import { existsSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { runLedgerWorker, type LedgerWorkerData } from '../../src/compose/ledger/worker.ts';

// Ends itself between shipped and acknowledged: after the store has committed a batch, before anybody hears of it.
// A file `crash-worker` in the data folder makes the thread end, `crash-process` the whole process; each works once.
if (parentPort === null) throw new Error('This runs as a worker thread only.');
const data: LedgerWorkerData = workerData;

function once(name: string): boolean {
  const path = join(data.dataFolder, name);
  if (!existsSync(path)) return false;
  unlinkSync(path);
  return true;
}

await runLedgerWorker({
  port: parentPort,
  data,
  wrapStore: (store) => ({
    ...store,
    async append(records, checkpoint, from) {
      const added = await store.append(records, checkpoint, from);
      if (added > 0 && once('crash-process')) process.kill(process.pid, 'SIGKILL');
      if (added > 0 && once('crash-worker')) process.exit(9);
      return added;
    },
  }),
});
