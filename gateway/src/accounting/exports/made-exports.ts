import {
  canonicalJson,
  type ExportKey,
  type ExportSignature,
  type ExportStatement,
} from '@tollgate/contract/export-signature.ts';
import { contentTypeOf, fileNameOf } from './file-names.ts';
import type { ExportPiece } from './export-service.ts';
import type { ExportSigner } from './ports.ts';
import { totalsJson, type ExportRequest } from './request.ts';

/** The worker's `ExportService`, as this thread sees it. */
export interface RemoteExports {
  read(id: string): Promise<ExportPiece>;
  close(id: string): Promise<void>;
}

export interface MadeExport {
  /** Fit for a `content-disposition` header. */
  readonly fileName: string;
  readonly contentType: string;
  /** Ends early where nobody asks for more. */
  readonly pieces: AsyncIterable<Uint8Array>;
}

const mostRemembered = 256;

/**
 * Exports as they are made and handed out. What has been handed out whole can be signed afterwards: only of the last few
 * hundred, so that nothing is signed that this gateway has not just made itself.
 */
export class MadeExports {
  readonly #remote: RemoteExports;
  readonly #signer: ExportSigner;
  readonly #made = new Map<string, ExportStatement>();

  constructor(remote: RemoteExports, signer: ExportSigner) {
    this.#remote = remote;
    this.#signer = signer;
  }

  /**
   * An export that was opened under this id. Resolves with the first piece there: what fails at the beginning fails before
   * anything was answered.
   */
  async hand(id: string, request: ExportRequest): Promise<MadeExport> {
    const first = await this.#remote.read(id);
    return {
      fileName: fileNameOf(request),
      contentType: contentTypeOf(request.kind),
      pieces: this.#pieces(id, first, request),
    };
  }

  key(): ExportKey {
    const { keyId, publicKey } = this.#signer;
    return { keyId, publicKey };
  }

  /** The signature of an export with this SHA-256; undefined where none was made lately. */
  signature(sha256: string): ExportSignature | undefined {
    const signed = this.#made.get(sha256);
    if (signed === undefined) return undefined;
    const signature = Buffer.from(this.#signer.sign(Buffer.from(canonicalJson(signed)))).toString('base64');
    return { algorithm: 'Ed25519', keyId: this.#signer.keyId, signature, signed };
  }

  async *#pieces(id: string, first: ExportPiece, request: ExportRequest): AsyncGenerator<Uint8Array> {
    let ended = false;
    try {
      for (let piece = first; ; piece = await this.#remote.read(id)) {
        if (piece.kind === 'end') {
          ended = true;
          this.#remember(statementOf(request, piece));
          return;
        }
        yield piece.bytes;
      }
    } finally {
      // A worker that was started anew has forgotten it anyway.
      if (!ended) await this.#remote.close(id).catch(() => {});
    }
  }

  #remember(statement: ExportStatement): void {
    this.#made.delete(statement.sha256);
    this.#made.set(statement.sha256, statement);
    for (const sha256 of [...this.#made.keys()].slice(0, -mostRemembered)) this.#made.delete(sha256);
  }
}

const instant = (at: number): string => new Date(at).toISOString();

function statementOf(request: ExportRequest, made: Extract<ExportPiece, { kind: 'end' }>): ExportStatement {
  const { summary, bytes, sha256 } = made;
  const { period, facts, kind } = request;
  return {
    format: 'tollgate-export-1',
    kind,
    organisation: facts.organisation,
    from: instant(period.from),
    to: instant(period.to),
    timeZone: facts.timeZone,
    filter: [...request.filterTexts],
    profile: kind === 'focus' ? request.profile : null,
    rows: summary.rows,
    totals: totalsJson(summary.totals),
    unsettled: summary.unsettled,
    madeAt: instant(request.madeAt),
    madeBy: request.madeBy,
    bytes,
    sha256,
  };
}
