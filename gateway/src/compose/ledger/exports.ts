import { createExportService, type ExportPiece } from '#accounting/exports/export-service.ts';
import type { ExportSources } from '#accounting/exports/export.ts';
import { readExport, type AskedExport, type ReadExport } from '#accounting/exports/read-query.ts';
import type { ExportMaking } from '#accounting/exports/request.ts';
import type { LedgerStore } from '#accounting/ledger/ports.ts';
import type { Clock } from '#kernel/clock.ts';

interface OpenedExport {
  readonly id: string;
  readonly read: ReadExport;
}

/** Exports, made where the store is; see `ExportService`. */
export interface ExportServices {
  /** Rejects with `admin_invalid` and everything that is wrong with the question. */
  open(wanted: AskedExport & ExportMaking): Promise<OpenedExport>;
  read(id: string): Promise<ExportPiece>;
  close(id: string): void;
}

type Sources = ExportSources & { readonly store: Pick<LedgerStore, 'values'> };

export function exportServices(sources: Sources, clock: Clock): ExportServices {
  const service = createExportService(sources, clock);
  return {
    async open({ facts, madeAt, madeBy, keyId, ...asked }) {
      const read = await readExport(asked, sources.store);
      return { id: service.open({ ...read, facts, madeAt, madeBy, keyId }), read };
    },
    read: async (id) => await service.read(id),
    close: (id) => service.close(id),
  };
}
