import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { segmentName } from '#accounting/ledger/ports.ts';
import { numbersIn } from './archive-folder.ts';

const doneName = 'done';
/** Stands between a replica's name and the mark of whoever adopted its folder; in no replica's name. */
const mark = '~';

/**
 * The folder where every replica's journal has a folder. Throws where a journal lies there itself: of a gateway that was
 * alone, and that nobody would look at.
 */
export function replicaRoot(dataFolder: string): string {
  const root = join(dataFolder, 'journal');
  const [own] = numbersIn(root, '');
  if (own !== undefined)
    throw new Error(
      `${join(root, segmentName(own))} is of a gateway that was alone on this volume. Move everything in ${root} into a ` +
        `new folder ${join(root, 'alone')}: its journal is then adopted.`,
    );
  return root;
}

/** The folders that may wait for somebody, without those that are done with. */
export async function replicaFolders(root: string): Promise<readonly string[]> {
  const entries = await readdir(root, { withFileTypes: true });
  return entries.filter((one) => one.isDirectory() && one.name !== doneName).map(({ name }) => name);
}

/** Takes a folder under another name, which only one of several that try can do; undefined for the others. */
export async function adoptFolder(root: string, name: string, adopter: string): Promise<string | undefined> {
  const [replica = name] = name.split(mark);
  const taken = `${replica}${mark}${adopter}`;
  return (await renamed(join(root, name), join(root, taken))) ? taken : undefined;
}

/** Puts a folder away whose journal is in the store. */
export async function folderDone(root: string, name: string, instance: string): Promise<void> {
  const [replica = name] = name.split(mark);
  await mkdir(join(root, doneName), { recursive: true, mode: 0o700 });
  await renamed(join(root, name), join(root, doneName, `${replica}${mark}${instance}`));
}

/** In the place of a journal's id, where its gateway had written nothing. */
export const emptyJournal = 'empty';

/** A folder whose journal is in the store. */
export interface DoneFolder {
  readonly path: string;
  /** The journal's id, or `emptyJournal`. */
  readonly instance: string;
}

export async function doneFolders(root: string): Promise<readonly DoneFolder[]> {
  const folder = join(root, doneName);
  const found: DoneFolder[] = [];
  for (const name of await entriesOf(folder)) {
    const [, instance] = name.split(mark);
    if (instance !== undefined) found.push({ path: join(folder, name), instance });
  }
  return found;
}

/** When something was last written there, UTC ms; undefined where it is gone, as when another gateway has removed it. */
export async function lastWritten(folder: string): Promise<number | undefined> {
  try {
    const names = await readdir(folder, { recursive: true });
    const times = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).mtimeMs));
    return Math.max((await stat(folder)).mtimeMs, ...times);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Several gateways may do so at a time. */
export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

async function entriesOf(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';

async function renamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
