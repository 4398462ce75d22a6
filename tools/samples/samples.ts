// docs/samples/: what exports look like, made by the product's own code from a month that is the same everywhere.
import { createHash, createPrivateKey, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { checkFocusFile, checkFindings } from '../../cli/src/commands/export/check-file.ts';
import { prettyJson } from '../../cli/src/output/json.ts';
import { PtuAllocation, type AllocationCursor } from '../../gateway/src/accounting/adjustments/ptu-allocation.ts';
import { createExportService, type ExportService } from '../../gateway/src/accounting/exports/export-service.ts';
import { MadeExports } from '../../gateway/src/accounting/exports/made-exports.ts';
import { monthSpan } from '../../gateway/src/accounting/reports/moments.ts';
import type { Span } from '../../gateway/src/accounting/exports/months.ts';
import type { ExportRequest } from '../../gateway/src/accounting/exports/request.ts';
import type { LedgerStore, Position } from '../../gateway/src/accounting/ledger/ports.ts';
import { signerOf } from '../../gateway/src/adapters/secret-files/export-key.ts';
import { createSqliteLedgerStore } from '../../gateway/src/adapters/sqlite/ledger-store.ts';
import { openSqlite } from '../../gateway/src/adapters/sqlite/open.ts';
import { systemClock } from '../../gateway/src/kernel/clock.ts';
import {
  costCentreNames,
  organisation,
  provisioned,
  reservedCallers,
  sampleMonth,
  samplePriceBook,
  timeZone,
} from './sample-month.ts';

const madeAt = Date.parse('2026-12-01T08:30:00Z');
const start: Position = { segment: 1, offset: 0 };

function november(): Span {
  const span = monthSpan('2026-11', timeZone);
  if (span === undefined) throw new Error('November is no month.');
  return span;
}

/** A store that holds the sample month, with the hours of its provisioned deployment allocated. */
async function filledStore(): Promise<LedgerStore> {
  const store = await createSqliteLedgerStore(openSqlite({ path: ':memory:', durability: 'process' }));
  const { from, to } = november();
  const entries = sampleMonth({ from: Date.parse('2026-10-30T00:00:00Z'), days: 33 });
  let settles = 0;
  const append = async (some: Parameters<LedgerStore['append']>[0]): Promise<void> => {
    settles += some.length;
    await store.append(some, { instance: 'sample', shipped: start, lowWater: start, settles });
  };
  await append(entries);
  const allocation = new PtuAllocation(store);
  for (let cursor: AllocationCursor | null = null; ;) {
    const step = await allocation.step({
      deployments: [{ deployment: provisioned, since: from }],
      closed: to,
      lookFrom: from,
      cursor,
      callers: reservedCallers,
      rates: [],
      bookedBy: 'sample',
      now: to,
    });
    await append(step.adjustments.map((adjustment) => ({ kind: 'adjustment', adjustment })));
    cursor = step.next;
    if (cursor === null) return store;
  }
}

/** Of no worth: everybody can make it. */
function sampleKey(): KeyObject {
  const prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
  const seed = createHash('sha256').update('the key of the samples, which is no secret').digest();
  return createPrivateKey({ key: Buffer.concat([prefix, seed]), format: 'der', type: 'pkcs8' });
}

interface Sample {
  readonly text: string;
  readonly sha256: string;
}

class Samples {
  readonly exports: MadeExports;
  readonly #keyId: string;
  readonly #service: ExportService;

  private constructor(store: LedgerStore) {
    const signer = signerOf(sampleKey());
    this.#service = createExportService(
      {
        store,
        shipping: { caughtUp: async () => await Promise.resolve(true), hold: async (work) => await work(start) },
        progress: {
          written: () => start,
          settles: () => 0,
          lowWater: () => start,
          openAttempts: () => 0,
          shipped: () => 0,
        },
      },
      systemClock,
    );
    const remote = {
      read: async (id: string) => await this.#service.read(id),
      close: async (id: string) => await Promise.resolve(this.#service.close(id)),
    };
    this.exports = new MadeExports(remote, signer);
    this.#keyId = signer.keyId;
  }

  static async make(): Promise<Samples> {
    return new Samples(await filledStore());
  }

  async of(kind: ExportRequest['kind'], period: Span): Promise<Sample> {
    const request = this.#request(kind, period);
    const { pieces } = await this.exports.hand(this.#service.open(request), request);
    const bytes: Uint8Array[] = [];
    for await (const piece of pieces) bytes.push(piece);
    const whole = Buffer.concat(bytes);
    return { text: whole.toString(), sha256: createHash('sha256').update(whole).digest('hex') };
  }

  #request(kind: ExportRequest['kind'], period: Span): ExportRequest {
    const costCentrePath = `${organisation}/marketing`;
    return {
      kind,
      period,
      filter: [{ dimension: 'cost-centre', values: [costCentrePath] }],
      filterTexts: [`cost-centre=${costCentrePath}`],
      profile: 'provider',
      costCentrePath,
      facts: {
        organisation,
        organisationName: 'Contoso B.V.',
        billingAccountId: '12345678',
        timeZone,
        prices: [
          ...samplePriceBook.entries.map(
            (one) => [one.id, { nanoUsd: one.nanoUsdPerMillion, perUnits: 1_000_000n }] as const,
          ),
          ...[...provisioned.periods, ...provisioned.listPrices].map(
            (one) => [one.priceId, { nanoUsd: one.nanoUsdPerUnitHour, perUnits: 3600n }] as const,
          ),
        ],
        costCentres: costCentreNames,
        statementNote: 'Questions: finance-platform@contoso.example. This is a sample; nobody has to pay it.',
      },
      madeAt,
      madeBy: 'Tollgate (sample)',
      keyId: this.#keyId,
      waitMs: 0,
    };
  }
}

let made: Promise<Samples> | undefined;
async function samples(): Promise<Samples> {
  made ??= Samples.make();
  return await made;
}

const firstWeek = (): Span => ({ from: november().from, to: november().from + 7 * 86_400_000 });

const statementName = 'statement-2026-11-marketing.html';
const focusName = 'focus-2026-11-marketing-first-week.csv';

const statement = async (): Promise<Sample> => await (await samples()).of('statement-html', november());
const focusFile = async (): Promise<Sample> => await (await samples()).of('focus', firstWeek());

async function signatureOf({ sha256 }: Sample): Promise<string> {
  return prettyJson((await samples()).exports.signature(sha256));
}

/** What `tollgate export check` says of a file. */
async function checkOf({ text }: Sample): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-samples-'));
  try {
    const file = path.join(folder, focusName);
    writeFileSync(file, text);
    return checkFindings(focusName, await checkFocusFile(file));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Every file of docs/samples/. */
export const sampleGenerators = [
  { path: `docs/samples/${statementName}`, generate: async () => (await statement()).text },
  { path: `docs/samples/${statementName}.sig.json`, generate: async () => await signatureOf(await statement()) },
  {
    path: `docs/samples/${statementName.replace('.html', '.csv')}`,
    generate: async () => (await (await samples()).of('statement-csv', november())).text,
  },
  { path: `docs/samples/${focusName}`, generate: async () => (await focusFile()).text },
  { path: `docs/samples/${focusName}.check.txt`, generate: async () => await checkOf(await focusFile()) },
  { path: 'docs/samples/export-key.pem', generate: async () => (await samples()).exports.key().publicKey },
] as const;
