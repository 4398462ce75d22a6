import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { AdminClient } from '#admin/client.ts';
import { parseJson } from '#admin/json.ts';
import { CommandFailure } from '#failure.ts';
import { regenerateKey } from '../subscription/shared.ts';

const demoKeysSchema = z.object({ marketing: z.string().min(1), finance: z.string().min(1) });

/** `demo-keys.json` in the data folder. */
export type DemoKeys = z.infer<typeof demoKeysSchema>;
export type DemoTeam = keyof DemoKeys;

/** The subscriptions of the demo configuration, by the team that has the key. */
const demoSubscriptions = { marketing: 'marketing-web', finance: 'finance-copilot' } as const;
export const demoTeams = ['marketing', 'finance'] as const;

export const demoKeysFile = (dataFolder: string): string => path.join(dataFolder, 'demo-keys.json');

export function readDemoKeys(dataFolder: string): DemoKeys | undefined {
  try {
    return demoKeysSchema.safeParse(parseJson(readFileSync(demoKeysFile(dataFolder), 'utf8'))).data;
  } catch {
    return undefined;
  }
}

/** Written beside and renamed: a reader finds the old keys or the new ones, and only the owner finds any. */
function writeDemoKeys(dataFolder: string, keys: DemoKeys): void {
  const beside = `${demoKeysFile(dataFolder)}.${process.pid}`;
  writeFileSync(beside, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 });
  renameSync(beside, demoKeysFile(dataFolder));
}

/** Only 401 says that a key is none: one of a suspended subscription is known, and must stay what it is. */
async function isKnown(dataPlane: string, key: string): Promise<boolean> {
  const response = await fetch(`${dataPlane}/openai/v1/models`, {
    headers: { 'api-key': key },
    signal: AbortSignal.timeout(10_000),
  });
  await response.body?.cancel();
  return response.status !== 401;
}

export interface DemoGateway {
  readonly admin: AdminClient;
  /** `http://127.0.0.1:8080` */
  readonly dataPlane: string;
  readonly dataFolder: string;
}

export interface EnsuredKeys {
  readonly keys: DemoKeys;
  /** There was a key for a team, and it worked no longer. */
  readonly outlived: boolean;
}

/** The keys of the demo teams: those of the file while they work, else new ones. */
export async function ensureDemoKeys({ admin, dataPlane, dataFolder }: DemoGateway): Promise<EnsuredKeys> {
  const old = readDemoKeys(dataFolder);
  const made: DemoTeam[] = [];
  const keyOf = async (team: DemoTeam): Promise<string> => {
    const known = old?.[team];
    if (known !== undefined && (await isKnown(dataPlane, known))) return known;
    made.push(team);
    const subscription = demoSubscriptions[team];
    const { value } = await regenerateKey(admin, subscription, 'primary');
    if (value.keys.primary === undefined) throw new CommandFailure(`The gateway made no key for ${subscription}.`);
    return value.keys.primary;
  };
  const keys = { marketing: await keyOf('marketing'), finance: await keyOf('finance') };
  if (made.length > 0) writeDemoKeys(dataFolder, keys);
  return { keys, outlived: old !== undefined && made.length > 0 };
}
