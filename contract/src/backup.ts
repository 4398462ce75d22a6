import { z } from 'zod';

/** The file that makes a folder a backup; it is written last, so that a backup that was broken off has none. */
export const backupManifestName = 'backup.json';

const safeName = /^[A-Za-z0-9_][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_][A-Za-z0-9._-]*){0,2}$/;

export const backupManifestSchema = z.object({
  version: z.literal(1),
  /** RFC 3339, UTC. */
  madeAt: z.string(),
  store: z.enum(['sqlite', 'postgresql']),
  files: z.array(
    z.object({
      /** Below the backup's folder, and where it goes in the data folder. */
      name: z.string().regex(safeName),
      bytes: z.number().int().nonnegative(),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
});
export type BackupManifest = z.infer<typeof backupManifestSchema>;
