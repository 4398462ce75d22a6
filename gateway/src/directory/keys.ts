import { createHash, randomBytes } from 'node:crypto';

/** 256 random bits behind a prefix that scanners for leaked secrets can look for. */
export function newSubscriptionKey(): string {
  return `tg_${randomBytes(32).toString('base64url')}`;
}

/**
 * SHA-256 of the whole key, lower-case hex. A plain hash is enough, because a key is 256 random bits: there is nothing
 * to guess that a slow hash would protect.
 */
export function keyDigest(key: string): string {
  return createHash('sha256').update(key, 'utf8').digest('hex');
}
