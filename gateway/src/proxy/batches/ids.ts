import { createHmac } from 'node:crypto';
import type { Caller } from '#model/admission.ts';
import type { AffinityRules } from '#model/affinity.ts';
import { takesBatches, type Endpoint } from '#model/endpoint.ts';
import type { Snapshot } from '#model/snapshot.ts';
import { endpointsAt, ownerOf } from '#proxy/routing/affinity/homes.ts';
import { openId, sealId, type IdPrefix } from '#proxy/routing/affinity/signed-id.ts';
import { factsIn, splitRaw, withFacts, type FileFacts } from './file-facts.ts';

/** Something of a caller that lives in one resource. */
export interface Found {
  /** The resource's own id. */
  readonly raw: string;
  /** What stands behind it. */
  readonly rest: string | null;
  /** The endpoints that reach the resource, those that run batches first. Never empty. */
  readonly endpoints: readonly Endpoint[];
}

/** Undefined where the id is none of this caller's, or its resource is gone. */
export function findBy(
  snapshot: Snapshot,
  caller: Caller,
  { id, prefix }: { readonly id: string; readonly prefix: IdPrefix },
): Found | undefined {
  const { affinity } = snapshot;
  const opened = openId(affinity, id, { prefix, owner: ownerOf(affinity, caller) });
  if (opened === undefined) return undefined;
  const endpoints = endpointsAt(snapshot.endpoints.values(), opened);
  if (endpoints.length === 0) return undefined;
  // What is asked shows something of the deployments that run batches; of the others it needs the credentials alone.
  const sorted = endpoints.toSorted((one, other) => Number(takesBatches(other)) - Number(takesBatches(one)));
  return { ...splitRaw(opened.raw), endpoints: sorted };
}

export interface Sealing {
  readonly affinity: AffinityRules;
  readonly owner: string;
  readonly resource: string;
}

export function sealingFor({ affinity }: Snapshot, caller: Caller, { resource }: Endpoint): Sealing {
  return { affinity, owner: ownerOf(affinity, caller), resource };
}

function seal({ affinity, owner, resource }: Sealing, content: string, prefix: IdPrefix): string {
  return sealId(affinity, content, { prefix, owner, resource });
}

export function inputFileId(sealing: Sealing, raw: string, facts?: FileFacts): string {
  return seal(sealing, facts === undefined ? raw : withFacts(raw, facts), 'file-');
}

export const batchId = (sealing: Sealing, raw: string): string => seal(sealing, raw, 'batch_');

const ofBatch = 'of ';

/** The id of a file that a batch has made: it says of which, by the id of the attempt that began it. */
export function resultFileId(sealing: Sealing, raw: string, attemptId: string | null): string {
  return seal(sealing, attemptId === null ? raw : `${raw}\n${ofBatch}${attemptId}`, 'file-');
}

/** The attempt that began the batch which made the file; undefined for a file that was uploaded. */
export function batchOfFile({ rest }: Found): string | undefined {
  return rest?.startsWith(ofBatch) === true ? rest.slice(ofBatch.length) : undefined;
}

export const factsOf = ({ rest }: Found): FileFacts | undefined => factsIn(rest);

const tagDigits = 16;

/** What marks files and batches of an owner at a resource, where callers never see it: it tells nobody whose they are. */
export function ownerTag({ keys: [key] }: AffinityRules, owner: string): string {
  return key === undefined ? '' : tagBy(key.secret, owner);
}

export function isOwnersTag({ keys }: AffinityRules, owner: string, tag: string): boolean {
  return keys.some(({ secret }) => tagBy(secret, owner) === tag);
}

function tagBy(secret: Buffer, owner: string): string {
  return createHmac('sha256', secret).update(`owner\0${owner}`).digest('hex').slice(0, tagDigits);
}

const tagged = /^(.*)\.tg-([0-9a-f]{16})(\.[^.]*)?$/s;
/** Of a usual length; and no text that would be read as the tag, for it would stand behind the gateway's. */
const extension = /\.(?!tg-[0-9a-f]{16}$)[^.]{1,16}$/;

/** `input.jsonl` -> `input.tg-3f2a….jsonl`: a list of a resource's files says so whose each is. */
export function taggedName(name: string, tag: string): string {
  const end = extension.exec(name)?.[0] ?? '';
  return `${name.slice(0, name.length - end.length)}.tg-${tag}${end}`;
}

/** The name as the caller gave it, and the tag; null where it has none. */
export function untaggedName(name: string): { readonly name: string; readonly tag: string | null } {
  const [, stem, tag, end = ''] = tagged.exec(name) ?? [];
  return stem === undefined || tag === undefined ? { name, tag: null } : { name: `${stem}${end}`, tag };
}
