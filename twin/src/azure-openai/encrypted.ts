import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import type { IdSource } from '#kernel/ids.ts';
import { arrayAt, countAt, isJsonObject, parseJsonObject, textAt, type JsonObject } from '#kernel/json.ts';
import { Refusal } from './refusal.ts';

/** What an `encrypted_content` holds, as far as the twin is concerned: it has no thoughts of its own. */
interface Secret {
  /** The item that it belongs to: in another one it is not accepted. */
  readonly item: string;
  /** What it counts as input. */
  readonly tokens: number;
}

/** As the contents of the service begin. */
const mark = 'gAAAAAB';
const nonceBytes = 12;
const proofBytes = 16;
/** About as many as the service's contents have. */
const bytesPerToken = 3;

/** Every resource has its own, for ever. */
const keyOf = (resource: string): Buffer => createHash('sha256').update(`twin resource ${resource}`).digest();

/** Something that only this resource can read. */
export function encrypt(resource: string, secret: Secret, ids: IdSource): string {
  const nonce = Buffer.from(ids.named('', nonceBytes));
  const cipher = createCipheriv('aes-256-gcm', keyOf(resource), nonce);
  const text = JSON.stringify({ ...secret, thoughts: '~'.repeat(secret.tokens * bytesPerToken) });
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return mark + Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString('base64url');
}

function decrypt(resource: string, content: string): Secret | undefined {
  const bytes = Buffer.from(content.slice(mark.length), 'base64url');
  if (!content.startsWith(mark) || bytes.length <= nonceBytes + proofBytes) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', keyOf(resource), bytes.subarray(0, nonceBytes));
  decipher.setAuthTag(bytes.subarray(-proofBytes));
  try {
    const sealed = bytes.subarray(nonceBytes, -proofBytes);
    const secret = parseJsonObject(decipher.update(sealed, undefined, 'utf8') + decipher.final('utf8'));
    return secret && { item: textAt(secret, 'item') ?? '', tokens: countAt(secret, 'tokens') ?? 0 };
  } catch {
    return undefined;
  }
}

/** In the words of the service. */
function unverified(item: JsonObject, content: string, reason: string): Refusal {
  const id = textAt(item, 'id');
  const what = id === undefined ? `${content.slice(0, 4)}...${content.slice(-4)}` : `for item ${id}`;
  return new Refusal(400, {
    code: 'invalid_encrypted_content',
    message: `The encrypted content ${what} could not be verified. Reason: Encrypted content ${reason}`,
    type: 'invalid_request_error',
    param: null,
  });
}

/** What the encrypted content of an item counts; refused where this resource did not make it, or for another item. */
export function tokensOfEncrypted(resource: string, item: JsonObject, content: string): number {
  const secret = decrypt(resource, content);
  if (secret === undefined) throw unverified(item, content, 'could not be decrypted or parsed.');
  const id = textAt(item, 'id');
  if (id !== undefined && id !== secret.item)
    throw unverified(item, content, 'item_id did not match the target item id.');
  return secret.tokens;
}

export const wantsEncryptedReasoning = (body: JsonObject): boolean =>
  arrayAt(body, 'include')?.includes('reasoning.encrypted_content') === true;

/** From how many tokens of input on the service compacts what came before; undefined: never. */
export function compactsFrom(body: JsonObject): number | undefined {
  const entries = (arrayAt(body, 'context_management') ?? []).filter((entry) => isJsonObject(entry));
  const found = entries.find((entry) => entry['type'] === 'compaction');
  return found && countAt(found, 'compact_threshold');
}
