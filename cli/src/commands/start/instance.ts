import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { parseJson } from '#admin/json.ts';
import { CommandFailure } from '#failure.ts';

const instanceSchema = z.object({
  pid: z.number().int().positive(),
  port: z.number().int(),
  adminPort: z.number().int(),
  startedAt: z.string(),
});

/** What `tollgate start` leaves in the data folder while it runs, for a second one to find. */
export type Instance = z.infer<typeof instanceSchema>;

const fileOf = (dataFolder: string): string => path.join(dataFolder, 'start.json');

function read(dataFolder: string): Instance | undefined {
  try {
    return instanceSchema.safeParse(parseJson(readFileSync(fileOf(dataFolder), 'utf8'))).data;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'EPERM';
  }
}

async function answers(port: number): Promise<boolean> {
  try {
    await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(2000) });
    return true;
  } catch {
    return false;
  }
}

/**
 * Throws CommandFailure where another `tollgate start` works in this data folder. A process number alone proves nothing
 * (it may have been given to somebody else since), so its admin port is asked too; the gateway's own lock on the journal
 * is what really protects the folder.
 */
export async function refuseSecondInstance(dataFolder: string): Promise<void> {
  const other = read(dataFolder);
  if (other === undefined || other.pid === process.pid || !isAlive(other.pid)) return;
  if (!(await answers(other.adminPort))) return;
  throw new CommandFailure(`Tollgate is running already with the data folder ${dataFolder}.`, {
    hints: [
      `It is process ${other.pid}, since ${other.startedAt}, on http://127.0.0.1:${other.port} (admin: ${other.adminPort}).`,
      'For a second one beside it, give that one its own TOLLGATE_DATA, TOLLGATE_PORT, TOLLGATE_ADMIN_PORT and TOLLGATE_TWIN_PORT.',
    ],
  });
}

export function leaveTrace(dataFolder: string, instance: Instance): void {
  writeFileSync(fileOf(dataFolder), `${JSON.stringify(instance)}\n`, { mode: 0o600 });
}

export function removeTrace(dataFolder: string): void {
  if (read(dataFolder)?.pid === process.pid) rmSync(fileOf(dataFolder), { force: true });
}
