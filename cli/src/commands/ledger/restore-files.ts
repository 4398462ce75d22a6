import { createHash } from 'node:crypto';
import { existsSync, readdirSync, statfsSync, statSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { backupManifestName, backupManifestSchema, type BackupManifest } from '@tollgate/contract/backup.ts';
import { parseJson } from '#admin/json.ts';
import { CommandFailure, exitCodes, systemErrorCode } from '#failure.ts';

type BackupFile = BackupManifest['files'][number];

/** Where files stand until all of them do; a restore that was broken off leaves it. */
const unfinished = '.restoring';
const chunkBytes = 1024 * 1024;

function noBackup(folder: string, why: string): CommandFailure {
  return new CommandFailure(`${folder} is no backup that can be used: ${why}.`, { exitCode: exitCodes.usage });
}

/** Throws CommandFailure where the folder holds no whole backup. */
export async function readBackup(folder: string): Promise<BackupManifest> {
  let text: string;
  try {
    text = await readFile(path.join(folder, backupManifestName), 'utf8');
  } catch (thrown) {
    if (systemErrorCode(thrown) !== 'ENOENT') throw thrown;
    throw noBackup(folder, `there is no ${backupManifestName}, which is written last`);
  }
  const parsed = backupManifestSchema.safeParse(parseJson(text));
  if (!parsed.success) throw noBackup(folder, `its ${backupManifestName} cannot be understood`);
  return parsed.data;
}

/** Throws CommandFailure where the data folder is in use, or could be. */
export function refuseUsed(data: string): void {
  if (!existsSync(data)) return;
  const names = readdirSync(data);
  if (names.length === 0) return;
  const hint = names.includes(unfinished)
    ? `A restore was broken off there (${path.join(data, unfinished)}): empty the folder and begin again.`
    : 'Name a folder that is empty or does not exist; nothing is ever restored over something else.';
  throw new CommandFailure(`The data folder ${data} is not empty.`, { hints: [hint] });
}

export function refuseTooSmall(data: string, bytes: number): void {
  let existing = data;
  while (!existsSync(existing)) existing = path.dirname(existing);
  const { bavail, bsize } = statfsSync(existing);
  if (bavail * bsize < bytes)
    throw new CommandFailure(`The disk of ${data} has room for ${bavail * bsize} bytes, the backup needs ${bytes}.`);
}

/** Reads a file piece by piece; returns its digest. */
async function digestOf(file: string, onPiece: (piece: Buffer) => Promise<void> | void): Promise<string> {
  const digest = createHash('sha256');
  const handle = await open(file, 'r');
  try {
    for (;;) {
      const piece = Buffer.allocUnsafe(chunkBytes);
      const { bytesRead } = await handle.read(piece, 0, chunkBytes);
      if (bytesRead === 0) return digest.digest('hex');
      digest.update(piece.subarray(0, bytesRead));
      await onPiece(piece.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}

/** What is wrong with a file of the backup; undefined where nothing is. */
async function faultOf(
  folder: string,
  file: BackupFile,
  onBytes: (bytes: number) => void,
): Promise<string | undefined> {
  const place = path.join(folder, file.name);
  const size = statSync(place, { throwIfNoEntry: false })?.size;
  if (size === undefined) return `${file.name} is missing`;
  if (size !== file.bytes) return `${file.name} has ${size} bytes, not ${file.bytes}`;
  const digest = await digestOf(place, (piece) => onBytes(piece.length));
  return digest === file.sha256 ? undefined : `${file.name} is not what was backed up (its SHA-256 is another)`;
}

/** Reads every file of the backup; throws CommandFailure with everything that is wrong. Nothing has been written then. */
export async function checkFiles(
  folder: string,
  { files }: BackupManifest,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const faults: string[] = [];
  for (const file of files) {
    const fault = await faultOf(folder, file, onBytes);
    if (fault !== undefined) faults.push(fault);
  }
  if (faults.length === 0) return;
  throw new CommandFailure(`The backup ${folder} is damaged; nothing was restored.`, {
    hints: faults.map((one) => `- ${one}`),
  });
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function copy(from: string, to: string, onBytes: (bytes: number) => void): Promise<string> {
  await mkdir(path.dirname(to), { recursive: true, mode: 0o700 });
  const handle = await open(to, 'wx', 0o600);
  try {
    const digest = await digestOf(from, async (piece) => {
      await handle.writeFile(piece);
      onBytes(piece.length);
    });
    await handle.sync();
    return digest;
  } finally {
    await handle.close();
  }
}

/**
 * Copies every file and puts them in place when all are there: the journal first, because a start with a journal alone
 * makes the store anew, and one with a store alone would not know of its journal.
 */
export async function putInPlace(
  places: { readonly from: string; readonly data: string },
  { files }: BackupManifest,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const { from, data } = places;
  const waiting = path.join(data, unfinished);
  await mkdir(waiting, { recursive: true, mode: 0o700 });
  for (const file of files) {
    const digest = await copy(path.join(from, file.name), path.join(waiting, file.name), onBytes);
    if (digest === file.sha256) continue;
    await rm(waiting, { recursive: true });
    throw new CommandFailure(`${file.name} changed while it was restored; nothing was put in place.`);
  }
  for (const folder of new Set(files.map((file) => path.dirname(file.name))))
    await syncFolder(path.join(waiting, folder));
  for (const top of [...new Set(files.map((file) => file.name.split('/')[0] ?? ''))].toSorted()) {
    await rename(path.join(waiting, top), path.join(data, top));
    await syncFolder(data);
  }
  await rm(waiting, { recursive: true });
  await syncFolder(data);
}
