import type { AffinityRules } from '#model/affinity.ts';
import { isJsonObject, parseJsonObject, type JsonObject } from '#kernel/json.ts';
import { looksEncrypted } from './routing/affinity/encrypted-member.ts';
import { ReplyContents } from './routing/affinity/reply-contents.ts';
import { withClientIds } from './routing/affinity/reply-ids.ts';
import type { UpstreamReply } from './upstream/send.ts';
import type { Watchdog } from './upstream/watchdog.ts';

/** What is stored is no longer than this, bytes: a response with its pictures. */
const longestReply = 64 * 1024 * 1024;

/** A whole reply that is being read. */
export interface WholeReading {
  /** Undefined where it broke off, was longer than anything that is stored, or was given up. */
  readonly body: Promise<Buffer | undefined>;
  giveUp(): void;
}

/** Reads a reply that changes on its way, so that it must be whole first. */
export function readWhole(reply: UpstreamReply, watchdog: Watchdog): WholeReading {
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
  const chunks: Buffer[] = [];
  let size = 0;
  const giveUp = (): void => {
    reply.abort();
    resolve(undefined);
  };
  reply.start({
    data(chunk) {
      watchdog.touch();
      size += chunk.length;
      if (size <= longestReply) chunks.push(chunk);
      else giveUp();
    },
    end: () => resolve(Buffer.concat(chunks)),
    error: () => resolve(undefined),
  });
  return { body: promise, giveUp };
}

/** Ids of responses and conversations, where replies have them. What clients wrote themselves stands elsewhere. */
function rawIdsIn(reply: JsonObject): readonly string[] {
  const { id, previous_response_id: previous, conversation } = reply;
  const held = isJsonObject(conversation) ? conversation['id'] : conversation;
  return [id, previous, held].filter((one) => typeof one === 'string');
}

/** Whose reply it is, and where it comes from. */
export interface Provenance {
  readonly affinity: AffinityRules;
  readonly owner: string;
  /** Base URL. */
  readonly resource: string;
  /** The upstream's id -> the one that the client knows; goes before what `seal` would make. */
  readonly known: ReadonlyMap<string, string>;
  readonly seal: (raw: string) => string;
}

/**
 * A reply with the ids that its client knows in the place of the resource's, and tags before encrypted content.
 * Undefined where it is no JSON object, for nobody knows what is in it then.
 */
export function sealedReply(bytes: Buffer, { affinity, owner, resource, known, seal }: Provenance): Buffer | undefined {
  const reply = parseJsonObject(bytes.toString('utf8'));
  if (reply === undefined) return undefined;
  const ids = new Map(known);
  for (const raw of rawIdsIn(reply)) if (!ids.has(raw)) ids.set(raw, seal(raw));
  for (const [raw, sealed] of ids) if (raw === sealed) ids.delete(raw);
  const named = withClientIds(bytes, ids);
  // Metadata is what the client wrote.
  if (looksEncrypted(reply['metadata'])) return named;
  return new ReplyContents(affinity, { owner, resource }).end(named);
}
