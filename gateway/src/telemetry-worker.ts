import { parentPort, workerData } from 'node:worker_threads';
import { runTelemetryWorker, type TelemetryWorkerData } from '#compose/telemetry/worker.ts';

// A root of its own: what OpenTelemetry and Microsoft need to send telemetry is loaded, and works, beside the request path.
if (parentPort === null) throw new Error('telemetry-worker.ts runs as a worker thread only.');
const data: TelemetryWorkerData = workerData;
runTelemetryWorker(parentPort, data);
