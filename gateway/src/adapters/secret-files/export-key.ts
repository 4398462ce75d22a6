import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import type { ExportSigner } from '#accounting/exports/ports.ts';
import type { Log } from '#kernel/log.ts';
import { secretFile } from './secret-file.ts';

/**
 * The key that signs exports: Ed25519, made on first use and kept in `export-key.pem` of the data folder (PKCS#8).
 * Rejects where the file cannot be made or holds no such key.
 */
export async function openExportKey(dataFolder: string, log: Log): Promise<ExportSigner> {
  const path = join(dataFolder, 'export-key.pem');
  const key = keyOf(await secretFile(path, newKey, log));
  if (key === undefined)
    throw new Error(
      `${path} holds no Ed25519 key (PKCS#8, PEM). Restore it from a backup of the data folder; if you delete it, ` +
        'a new one is made, and what the old one signed stays good with the public key that you gave away.',
    );
  return signerOf(key);
}

/** A signer of an Ed25519 private key. */
export function signerOf(key: KeyObject): ExportSigner {
  const publicKey = createPublicKey(key);
  const der = publicKey.export({ type: 'spki', format: 'der' });
  return {
    keyId: createHash('sha256').update(der).digest('hex').slice(0, 32),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }),
    sign: (bytes) => sign(null, bytes, key),
  };
}

const newKey = (): string => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });

function keyOf(pem: string): KeyObject | undefined {
  try {
    const key = createPrivateKey(pem);
    return key.asymmetricKeyType === 'ed25519' ? key : undefined;
  } catch {
    return undefined;
  }
}
