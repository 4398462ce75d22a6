import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import type { z } from 'zod';
import {
  canonicalJson,
  exportKeySchema,
  exportSignatureSchema,
  type ExportSignature,
} from '@tollgate/contract/export-signature.ts';
import { adminClient } from '#admin/client.ts';
import { parseJson } from '#admin/json.ts';
import { invocation, withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { CommandFailure, systemErrorCode } from '#failure.ts';
import { prettyJson } from '#output/json.ts';
import { grouped, knownUsd } from '#output/money.ts';
import { signatureFileOf } from './save.ts';

interface VerifyOptions {
  readonly key?: string;
  readonly signature?: string;
  readonly json?: boolean;
}

export function addExportVerify(parent: Command, context: Context): void {
  const command = parent
    .command('verify')
    .description('Whether an export is what a gateway signed. Works without a gateway where the public key is given.')
    .argument('<file>', 'the export; its signature stands beside it in <file>.sig.json')
    .option('--key <file>', 'the public key, as tollgate export key prints it; default: that of the running gateway')
    .option('--signature <file>', 'the signature, where it stands elsewhere')
    .option('--json', 'what was signed, as JSON')
    .action(async (file: string, options: VerifyOptions) => {
      const signatureFile = options.signature ?? signatureFileOf(file);
      const signature = readSignature(signatureFile);
      const key = options.key === undefined ? await gatewayKey(context) : readKey(options.key);
      checkSignature(signature, key, signatureFile);
      await checkFile(file, signature);
      const told = { ok: true, file, keyId: signature.keyId, ...signature.signed };
      context.out.write(options.json === true ? prettyJson(told) : goodNews(file, signature));
    });
  withExamples(command, [
    { line: 'export verify focus-2026-11.csv --key tollgate-export-key.pem', says: 'anywhere, with the public key' },
    { line: 'export verify focus-2026-11.csv', says: 'against the gateway that runs here' },
  ]);
}

interface VerifyKey {
  readonly key: KeyObject;
  readonly keyId: string;
  /** Whose it is, for people. */
  readonly from: string;
}

function contentOf(file: string, what: string, hint: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code ?? 'unknown'})`;
    throw new CommandFailure(`${what}: ${path.resolve(file)} ${why}.`, { hints: [hint], cause: thrown });
  }
}

function readSignature(file: string): ExportSignature {
  const hint = `An export is signed when it is made: ${invocation} export … --sign. Is it elsewhere? --signature FILE`;
  const value = parseJson(contentOf(file, 'There is no signature', hint));
  const parsed = exportSignatureSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const why = value === undefined ? 'it is no JSON' : issuesText(parsed.error);
  throw new CommandFailure(`${file} is no signature of an export (${why}).`, {
    hints: ['It was changed, or another version of Tollgate has made it.'],
  });
}

const issuesText = ({ issues }: z.ZodError): string =>
  issues.map(({ path: where, message }) => [...where.map(String), message].join(': ')).join('; ');

function keyOf(pem: string, from: string): VerifyKey {
  let key: KeyObject | undefined;
  try {
    key = createPublicKey(pem);
  } catch {
    // Told below.
  }
  if (key?.asymmetricKeyType !== 'ed25519')
    throw new CommandFailure(`${from} is no public key (Ed25519, PEM).`, {
      hints: [`It is printed by: ${invocation} export key`],
    });
  const der = key.export({ type: 'spki', format: 'der' });
  return { key, keyId: createHash('sha256').update(der).digest('hex').slice(0, 32), from };
}

function readKey(file: string): VerifyKey {
  return keyOf(contentOf(file, 'There is no key', `It is printed by: ${invocation} export key`), file);
}

async function gatewayKey(context: Context): Promise<VerifyKey> {
  const { value } = await adminClient(context.settings).ask({ path: 'exports/key', schema: exportKeySchema });
  return keyOf(value.publicKey, 'the running gateway');
}

function checkSignature({ keyId, signature, signed }: ExportSignature, given: VerifyKey, file: string): void {
  if (keyId !== given.keyId)
    throw new CommandFailure(`${file} names another key: ${keyId}. That of ${given.from} is ${given.keyId}.`, {
      hints: [
        'Another gateway has signed it, or the key was replaced: verify with the public key of that one (--key).',
      ],
    });
  const bytes = Buffer.from(canonicalJson(signed));
  if (!verify(null, bytes, given.key, Buffer.from(signature, 'base64')))
    throw new CommandFailure(`The signature is not genuine: ${file} was changed, or was not made with key ${keyId}.`);
}

async function checkFile(file: string, { signed }: ExportSignature): Promise<void> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const piece of createReadStream(file) as AsyncIterable<Buffer>) {
      hash.update(piece);
      bytes += piece.length;
    }
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code ?? 'unknown'})`;
    throw new CommandFailure(`${path.resolve(file)} ${why}.`, { cause: thrown });
  }
  const sha256 = hash.digest('hex');
  if (sha256 === signed.sha256) return;
  const sizes =
    bytes === signed.bytes
      ? `It has the ${grouped(bytes)} bytes that were signed, but not the same ones.`
      : `It has ${grouped(bytes)} bytes; ${grouped(signed.bytes)} were signed.`;
  throw new CommandFailure(`${file} was changed after it was signed. ${sizes}`, {
    hints: [`signed: ${signed.sha256}`, `here:   ${sha256}`, 'A spreadsheet that saves a file changes it too.'],
  });
}

function goodNews(file: string, { signed, keyId }: ExportSignature): string {
  const { kind, organisation, from, to, timeZone, filter, rows, totals, madeAt, madeBy, unsettled } = signed;
  const lines = [
    `${file} is what was signed with key ${keyId}.`,
    `  what:   ${kind} of ${organisation}, ${madeAt} by ${madeBy}`,
    `  period: ${from} to ${to} (${timeZone})`,
    `  filter: ${filter.length === 0 ? 'none' : filter.join(', ')}`,
    `  rows:   ${grouped(rows)}`,
    `  cost:   ${knownUsd(totals.costNanoUsd)}; at list prices ${knownUsd(totals.listNanoUsd)}; at internal rates ${knownUsd(totals.internalNanoUsd)}`,
    ...(unsettled === 0
      ? []
      : [`  ${grouped(unsettled)} settled calls had not reached the store when it was made: they are not in it.`]),
  ];
  return `${lines.join('\n')}\n`;
}
