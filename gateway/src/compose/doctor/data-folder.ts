import { constants, existsSync } from 'node:fs';
import { access, open, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { failed, ok, warning, type Check, type Finding } from './finding.ts';

const name = 'data folder';
const leastBytes = 100 * 1024 ** 2;

const gibibytes = (bytes: number): string => `${(bytes / 1024 ** 3).toFixed(1)} GiB`;

/** `backlogBytes`: how much may wait there for the store. */
export function dataFolderCheck(folder: string, backlogBytes: number | undefined): Check {
  return { name, run: async () => [await look(folder, backlogBytes)] };
}

async function look(folder: string, backlogBytes = 0): Promise<Finding> {
  try {
    if (!existsSync(folder)) return await lookAbove(folder);
    const file = join(folder, `.doctor-${process.pid}`);
    const handle = await open(file, 'wx', 0o600);
    try {
      await handle.write('looked');
      await handle.sync();
    } finally {
      await handle.close();
      await rm(file, { force: true });
    }
    const { bavail, bsize } = await statfs(folder);
    const free = bavail * bsize;
    const says = `${folder} can be written to, ${gibibytes(free)} free`;
    if (free < leastBytes) return failed(name, says, 'Make room: without a journal nothing is served.');
    if (free < backlogBytes)
      return warning(
        name,
        `${says}, and ${gibibytes(backlogBytes)} may wait for the store`,
        'Make room, or lower `ledger.backlog.bytes`.',
      );
    return ok(name, says);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return failed(name, why, 'Mount a volume there that the user of this process may write to, or set TOLLGATE_DATA.');
  }
}

/** The gateway makes it when it starts; whoever only looks does not. */
async function lookAbove(folder: string): Promise<Finding> {
  let above = dirname(folder);
  while (!existsSync(above)) above = dirname(above);
  if (!(await stat(above)).isDirectory()) throw new Error(`${folder} cannot be made: ${above} is no folder`);
  await access(above, constants.W_OK | constants.X_OK);
  return ok(name, `${folder} is not there yet; the gateway makes it in ${above}, which it may write to`);
}
