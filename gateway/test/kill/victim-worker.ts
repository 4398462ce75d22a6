// The ledger's worker, which kills the process after a batch is in the store and before the outbox knows.
import { parentPort, workerData } from 'node:worker_threads';
import { runLedgerWorker } from '#compose/ledger/worker.ts';

if (parentPort === null) throw new Error('Runs as a worker thread only.');
let left = Number((process.env['TEST_KILL_AT'] ?? '').split(':')[1] ?? '0');
await runLedgerWorker({
  port: parentPort,
  data: workerData,
  wrapStore: (store) => ({
    checkpoint: (instance) => store.checkpoint(instance),
    journals: () => store.journals(),
    find: (keys) => store.find(keys),
    findAdjustments: (ids) => store.findAdjustments(ids),
    adjustmentsOf: (keys) => store.adjustmentsOf(keys),
    attemptsOf: (requestId) => store.attemptsOf(requestId),
    page: (query) => store.page(query),
    unended: (query) => store.unended(query),
    pageOfAdjustments: (query) => store.pageOfAdjustments(query),
    values: (dimension) => store.values(dimension),
    figures: (query) => store.figures(query),
    lines: (query) => store.lines(query),
    extent: () => store.extent(),
    wrongRollUps: () => store.wrongRollUps(),
    lease: (work, holder, forMs) => store.lease(work, holder, forMs),
    async append(records, checkpoint, from) {
      const added = await store.append(records, checkpoint, from);
      if (records.length > 0) {
        left -= 1;
        if (left <= 0) process.kill(process.pid, 'SIGKILL');
      }
      return added;
    },
  }),
});
