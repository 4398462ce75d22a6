import type { OpenLedger } from './compose-ledger.ts';
import type { Snapshots } from './compose-snapshots.ts';
import { costCentrePath } from './snapshot.ts';
import { contentTypeOf, fileNameOf } from '#accounting/exports/file-names.ts';
import { MadeExports } from '#accounting/exports/made-exports.ts';
import { readExport, type QueryFacts } from '#accounting/exports/read-query.ts';
import type { ExportFactsData, ExportRequest } from '#accounting/exports/request.ts';
import type { KnownPrice } from '#accounting/exports/row-prices.ts';
import { openExportKey } from '#adapters/secret-files/export-key.ts';
import type { Exports, WantedExport } from '#admin/ports.ts';
import type { Clock } from '#kernel/clock.ts';
import { Failure } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';

export interface ExportParts {
  readonly ledger: OpenLedger;
  readonly snapshots: Snapshots;
  readonly clock: Clock;
  readonly log: Log;
  readonly dataFolder: string;
  /** `Tollgate 0.1.0`. */
  readonly madeBy: string;
}

/** Exports for finance. The key that signs them is made here, on the first start. */
export async function composeExports({ dataFolder, log, ...parts }: ExportParts): Promise<Exports> {
  const signer = await openExportKey(dataFolder, log);
  const made = new MadeExports(parts.ledger.exports, signer);
  return {
    async make(wanted) {
      const request = requestOf(wanted, { ...parts, keyId: signer.keyId });
      const pieces = await made.open(request);
      return { fileName: fileNameOf(request), contentType: contentTypeOf(request.kind), pieces };
    },
    key: () => made.key(),
    signature: (sha256) => made.signature(sha256),
  };
}

interface Surroundings {
  readonly snapshots: Snapshots;
  readonly clock: Clock;
  readonly madeBy: string;
  readonly keyId: string;
}

function requestOf(wanted: WantedExport, { snapshots, clock, madeBy, keyId }: Surroundings): ExportRequest {
  const { problems, ...read } = readExport(wanted, queryFacts(snapshots));
  if (problems.length > 0)
    throw new Failure('admin_invalid', 'The export cannot be made as it is asked for.', { details: problems });
  const { kind, profile, waitMs } = wanted;
  return { ...read, kind, profile, waitMs, madeBy, keyId, facts: exportFacts(snapshots), madeAt: clock.now() };
}

function queryFacts(snapshots: Snapshots): QueryFacts {
  const config = snapshots.currentConfig();
  const paths = Object.keys(config.costCentres).map((name) => [name, costCentrePath(config, name)] as const);
  return { timeZone: config.timeZone, organisation: config.organisation, costCentrePaths: new Map(paths) };
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
