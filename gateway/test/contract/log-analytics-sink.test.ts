import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { startTwin } from '../../../twin/src/server.ts';
import { LogAnalytics } from '../../src/adapters/log-analytics/sink.ts';

const rule = 'dcr-1';
const stream = 'Custom-TollgateUsage_CL';
const columns = ['TimeGenerated', 'RecordId', 'Consumer'].map((name) => ({ name, type: 'string' as const }));

test('a request that is never answered is given up, told of, and what it held is sent again', async (context) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-sink-'));
  const caFile = path.join(folder, 'ca.pem');
  const twin = await startTwin({ securePort: 0, caFile, logs: { [rule]: { [stream]: { columns } } } });
  context.after(async () => {
    await twin.close();
    rmSync(folder, { recursive: true });
  });
  setDefaultCACertificates([...getCACertificates('default'), readFileSync(caFile, 'utf8')]);
  const scope = 'https://monitor.azure.com/.default';
  const tokens = {
    name: 'managed-identity',
    token: () => twin.azure.token({ clientId: 'gateway', audience: 'https://monitor.azure.com' }),
    insteadOf: async () => await Promise.resolve(undefined),
  };
  const logs = new LogAnalytics({ endpoint: twin.secureUrl ?? '', rule, stream, scope }, tokens, 500);
  // Five requests of nearly a megabyte, two at a time.
  const rows = Array.from({ length: 50 }, (_, number) => ({
    TimeGenerated: '2026-11-24T00:00:00Z',
    RecordId: `record-${number}`,
    Consumer: 'c'.repeat(90_000),
  }));
  twin.azure.addFault({ service: 'logs', kind: 'slow', ms: 3_600_000 });
  const sent = new Set<unknown>();
  const note = (row: Readonly<Record<string, unknown>>): void => void sent.add(row['RecordId']);
  await assert.rejects(async () => await logs.send(rows, note), /localhost:\d+ has not answered within 0\.5 s/);
  const inTable = () => new Set(twin.azure.logs.rows(stream).map((row) => row['RecordId']));
  assert.deepEqual(sent, inTable(), 'what is said to be sent is there, and nothing else');
  assert.ok(sent.size > 0 && sent.size < rows.length, `${sent.size} rows`);
  const rest = rows.filter(({ RecordId }) => !sent.has(RecordId));
  await logs.send(rest, note);
  assert.equal(inTable().size, rows.length);
});
