import { parentPort, workerData } from 'node:worker_threads';
import { runLedgerWorker, type LedgerWorkerData } from '#compose/ledger/worker.ts';

// The second root of the gateway: node:sqlite is synchronous, so the stores live in a thread of their own.
if (parentPort === null) throw new Error('ledger-worker.ts runs as a worker thread only.');
const data: LedgerWorkerData = workerData;
await runLedgerWorker({ port: parentPort, data });
