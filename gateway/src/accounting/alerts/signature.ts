import { createHmac } from 'node:crypto';

/** By Standard Webhooks: `whsec_` and the base64 of 24 to 64 random bytes (github.com/standard-webhooks/standard-webhooks). */
const prefix = 'whsec_';
const base64Pattern = /^[A-Za-z0-9+/]+={0,2}$/;

/** The key in a secret's text; undefined where the text is no such secret. */
export function signingKey(secret: string): Buffer | undefined {
  const encoded = secret.startsWith(prefix) ? secret.slice(prefix.length) : undefined;
  if (encoded === undefined || !base64Pattern.test(encoded)) return undefined;
  const key = Buffer.from(encoded, 'base64');
  return key.length >= 24 && key.length <= 64 ? key : undefined;
}

export interface SignedMessage {
  readonly id: string;
  /** When this try is made, UTC ms: receivers refuse what is old. */
  readonly at: number;
  readonly body: string;
}

/** The three headers of Standard Webhooks; one signature per key, so that a receiver can change its secret in peace. */
export function signedHeaders({ id, at, body }: SignedMessage, keys: readonly Buffer[]): Record<string, string> {
  const timestamp = String(Math.floor(at / 1000));
  const signatures = keys.map(
    (key) => `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`,
  );
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}
