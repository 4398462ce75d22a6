import type { OpenLedger } from '#compose/ledger/ledger.ts';
import type { Snapshots } from './snapshots.ts';
import { costCentrePath } from '#snapshot.ts';
import { MadeExports } from '#accounting/exports/made-exports.ts';
import type { ExportFactsData } from '#accounting/exports/request.ts';
import type { KnownPrice } from '#accounting/exports/row-prices.ts';
import type { Asked } from '#accounting/reports/asked.ts';
import type { ReportSettings } from '#accounting/reports/subject.ts';
import { openExportKey } from '#adapters/secret-files/export-key.ts';
import type { Exports } from '#admin/ports.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';

export interface ExportParts {
  readonly ledger: OpenLedger;
  readonly snapshots: Snapshots;
  readonly clock: Clock;
  readonly log: Log;
  readonly dataFolder: string;
  /** `Tollgate 0.1.0`. */
  readonly madeBy: string;
  /** What a question is judged by. */
  settings(asked: Asked): ReportSettings;
}

/** Exports for finance. The key that signs them is made here, on the first start. */
export async function composeExports({ dataFolder, log, ...parts }: ExportParts): Promise<Exports> {
  const { ledger, snapshots, clock, madeBy } = parts;
  const signer = await openExportKey(dataFolder, log);
  const made = new MadeExports(ledger.exports, signer);
  return {
    async make(kind, asked) {
      const facts = exportFacts(snapshots);
      const { organisation } = facts;
      const making = { facts, madeAt: clock.now(), madeBy, keyId: signer.keyId };
      const { id, read } = await ledger.exports.open({
        kind,
        asked,
        settings: parts.settings(asked),
        organisation,
        ...making,
      });
      return await made.hand(id, { ...read, ...making });
    },
    key: () => made.key(),
    signature: (sha256) => made.signature(sha256),
  };
}

/** The names and prices of now; who and how much stands in the ledger. */
function exportFacts(snapshots: Snapshots): ExportFactsData {
  const config = snapshots.currentConfig();
  const { organisation, exports } = config;
  return {
    organisation,
    organisationName: exports.organisationName ?? organisation,
    billingAccountId: exports.billingAccountId ?? organisation,
    timeZone: config.timeZone,
    prices: knownPrices(snapshots),
    costCentres: Object.entries(config.costCentres).flatMap(([key, { name }]) =>
      name === undefined ? [] : [[costCentrePath(config, key), name] as const],
    ),
    statementNote: exports.statementNote ?? null,
  };
}

const million = 1_000_000n;
const secondsOfHour = 3600n;

function knownPrices(snapshots: Snapshots): readonly (readonly [string, KnownPrice])[] {
  const ofBook = snapshots
    .priceBook()
    .entries.map(({ id, nanoUsdPerMillion }) => [id, { nanoUsd: nanoUsdPerMillion, perUnits: million }] as const);
  const ofHours = snapshots
    .ptuDeployments()
    .flatMap(({ periods, listPrices }) => [...periods, ...listPrices])
    .map(
      ({ priceId, nanoUsdPerUnitHour }) => [priceId, { nanoUsd: nanoUsdPerUnitHour, perUnits: secondsOfHour }] as const,
    );
  return [...ofBook, ...ofHours];
}
