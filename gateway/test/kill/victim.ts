// A gateway that ends itself with SIGKILL at a named point of the ledger's path, or lives like any other.
import { compose } from '#compose/gateway.ts';
import { readSettings } from '#settings.ts';
import type { Ledger } from '#proxy/usage/ports.ts';
import type { KillPoint } from './victim-points.ts';

const [point, count] = (process.env['TEST_KILL_AT'] ?? '').split(':');
let left = Number(count ?? '0');

function reach(here: KillPoint): void {
  if (point !== here) return;
  left -= 1;
  if (left === 0) process.kill(process.pid, 'SIGKILL');
}

function dying(ledger: Ledger): Ledger {
  return {
    async open(attempt) {
      reach('before-open');
      await ledger.open(attempt);
      reach('open-send');
    },
    async settle(record) {
      await ledger.settle(record);
      reach('settle-terminal');
    },
  };
}

const settings = readSettings(process.argv.slice(2), process.env);
if (settings === 'help') throw new Error('This is a test.');
const started = await compose(settings, {
  wrapLedger: dying,
  ...(point === 'shipped-acknowledged' ? { ledgerWorker: new URL('./victim-worker.ts', import.meta.url) } : {}),
});
if (!started.ok) throw new Error(started.problems.join('\n'));
const { gateway } = started;
process.send?.({ port: gateway.port, adminPort: gateway.adminPort });
process.on('SIGTERM', () => void gateway.drain('SIGTERM').then(() => process.exit(0)));
