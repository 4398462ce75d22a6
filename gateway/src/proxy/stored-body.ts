import { parseJsonObject } from '#kernel/json.ts';
import type { Caller } from '#model/admission.ts';
import { encryptedMember } from '#model/affinity.ts';
import type { Arrival } from '#model/arrival.ts';
import { topLevelMembers } from './accept/json-members.ts';
import { boundByContents } from './routing/affinity/brought-contents.ts';
import { applyEdits } from './upstream/request.ts';

/** The body of a call about something stored, as its resource must get it. */
export interface StoredBody {
  readonly bytes: Buffer;
  /** The only resource that can read all of it, base URL; null: any. */
  readonly resource: string | null;
}

/** Items that are put into a conversation may bring encrypted reasoning along. Throws `invalid_encrypted_content`. */
export function storedBody(bytes: Buffer, by: { readonly arrival: Arrival; readonly caller: Caller }): StoredBody {
  const json = bytes.includes(encryptedMember) ? parseJsonObject(bytes.toString('utf8')) : undefined;
  if (json === undefined) return { bytes, resource: null };
  const body = { bytes, json, spans: topLevelMembers(bytes).spans };
  const brought = boundByContents({ snapshot: by.arrival.snapshot, caller: by.caller, body, param: 'items' });
  if (brought === null) return { bytes, resource: null };
  return { bytes: applyEdits(body, new Map(), brought.cuts), resource: brought.resource };
}
