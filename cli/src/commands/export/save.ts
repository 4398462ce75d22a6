import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { exportSignatureSchema, type ExportSignature } from '@tollgate/contract/export-signature.ts';
import { adminClient, type AdminClient, type Download } from '#admin/client.ts';
import type { Context } from '#context.ts';
import { CommandFailure, exitCodes } from '#failure.ts';
import { prettyJson } from '#output/json.ts';
import { grouped, knownUsd } from '#output/money.ts';
import { sizeText } from '#output/size.ts';
import type { Query } from '#subject.ts';
import { PartFile } from './part-file.ts';

/** Where an export goes. */
export interface SaveOptions {
  readonly out?: string;
  readonly sign?: boolean;
  readonly json?: boolean;
}

export function withSave(command: Command): Command {
  return command
    .option('--out <file>', 'write it there, or into that folder; default: standard output')
    .option('--sign', 'write <file>.sig.json beside it, for tollgate export verify')
    .option('--json', 'tell as JSON what was written');
}

export const signatureFileOf = (file: string): string => `${file}.sig.json`;

export interface Wanted {
  /** Below `exports/`. */
  readonly kind: 'focus' | 'csv' | 'json' | 'statement';
  readonly query: Query;
  readonly waitSeconds: number;
}

/** Has the gateway make an export, and writes it where it was asked for: whole, or not at all. Throws CommandFailure. */
export async function saveExport(context: Context, options: SaveOptions, wanted: Wanted): Promise<void> {
  const { out } = options;
  for (const name of ['sign', 'json'] as const)
    if (out === undefined && options[name] === true)
      throw new CommandFailure(`--${name} needs --out: a file.`, { exitCode: exitCodes.usage });
  const client = adminClient(context.settings);
  const { kind, query, waitSeconds } = wanted;
  const timeoutMs = waitSeconds * 1000 + quietMs;
  const download = await client.download({ path: `exports/${kind}`, query, timeoutMs });
  try {
    if (out === undefined) await print(context, download);
    else await save({ context, client, download }, { ...options, file: fileFor(out, download) });
  } finally {
    download.cancel();
  }
}

/** How long the gateway may work on one piece. */
const quietMs = 120_000;

async function print({ out }: Context, { pieces }: Download): Promise<void> {
  const decoder = new TextDecoder();
  for await (const piece of pieces) {
    out.write(decoder.decode(piece, { stream: true }));
    await out.drained();
  }
}

function fileFor(out: string, { fileName }: Download): string {
  const isFolder = /[/\\]$/.test(out) || statSync(out, { throwIfNoEntry: false })?.isDirectory() === true;
  return isFolder ? path.join(out, fileName) : out;
}

interface Saving {
  readonly context: Context;
  readonly client: AdminClient;
  readonly download: Download;
}

async function save(
  { context, client, download }: Saving,
  { file, sign, json }: SaveOptions & { readonly file: string },
): Promise<void> {
  const part = await PartFile.open(file);
  let signature: ExportSignature;
  try {
    const sha256 = await receive(context, download, part);
    signature = (await client.ask({ path: 'exports/signature', schema: exportSignatureSchema, query: { sha256 } }))
      .value;
    if (sign === true) await writeSignature(file, signature, part);
    else await part.finish();
  } finally {
    await part.discard();
  }
  const signatureFile = sign === true ? signatureFileOf(file) : null;
  const { signed, keyId } = signature;
  if (json === true)
    context.out.write(prettyJson({ file, signatureFile, keyId: sign === true ? keyId : null, ...signed }));
  else context.out.write(summary(file, signature, signatureFile));
  if (signed.unsettled > 0)
    context.err.write(
      `note: ${grouped(signed.unsettled)} settled calls are not in it yet: the store was still behind the journal. Export again, or wait longer (--wait).\n`,
    );
  if (sign !== true && existsSync(signatureFileOf(file)))
    context.err.write(`note: ${signatureFileOf(file)} is the signature of an earlier file; --sign makes a new one.\n`);
}

/** Writes what arrives; its SHA-256. */
async function receive(context: Context, { pieces }: Download, part: PartFile): Promise<string> {
  const hash = createHash('sha256');
  const progress = new ReceiveProgress(context);
  for await (const piece of pieces) {
    hash.update(piece);
    await part.write(piece);
    progress.add(piece.length);
  }
  progress.end();
  return hash.digest('hex');
}

/** Both files are there, or none is: the signature first, because without its file it misleads nobody. */
async function writeSignature(file: string, signature: ExportSignature, part: PartFile): Promise<void> {
  const signaturePart = await PartFile.open(signatureFileOf(file));
  try {
    await signaturePart.write(Buffer.from(prettyJson(signature)));
    await signaturePart.finish();
    await part.finish();
  } finally {
    await signaturePart.discard();
  }
}

function summary(file: string, { signed, keyId }: ExportSignature, signatureFile: string | null): string {
  const { rows, bytes, totals } = signed;
  const lines = [
    `${file}: ${grouped(rows)} rows, ${sizeText(bytes)}`,
    `  cost ${knownUsd(totals.costNanoUsd)}, at list prices ${knownUsd(totals.listNanoUsd)}`,
    ...(totals.internalNanoUsd === null ? [] : [`  at internal rates ${knownUsd(totals.internalNanoUsd)}`]),
    ...(signatureFile === null ? [] : [`${signatureFile}: signed with key ${keyId}`]),
  ];
  return `${lines.join('\n')}\n`;
}

const lineEveryBytes = 100_000_000;

/** How much has arrived: rewritten in place where somebody watches, else a line for every 100 MB. */
class ReceiveProgress {
  readonly #err: Context['err'];
  #bytes = 0;
  #width = 0;
  #told = 0;

  constructor({ err }: Context) {
    this.#err = err;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    const line = `Exporting: ${sizeText(this.#bytes)}`;
    if (this.#err.interactive) {
      this.#err.write(`\r${line.padEnd(this.#width)}`);
      this.#width = line.length;
    } else if (this.#bytes - this.#told >= lineEveryBytes) {
      this.#told = this.#bytes;
      this.#err.write(`${line}\n`);
    }
  }

  end(): void {
    if (this.#width > 0) this.#err.write(`\r${' '.repeat(this.#width)}\r`);
  }
}
