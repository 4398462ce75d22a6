import { Failure } from '#kernel/errors.ts';
import { objectsIn, type Json } from '#kernel/json.ts';
import type { Caller } from '#model/admission.ts';
import type { Binding } from '#model/affinity.ts';
import type { BodyContent } from '#model/request-body.ts';
import type { Snapshot } from '#model/snapshot.ts';
import { TagsOfCaller } from './content-tag.ts';
import { ownerOf, resourceAt } from './homes.ts';
import { contentsIn, type BroughtContents } from './request-contents.ts';

/** A body that may bring encrypted content along, and the member where it would be. */
export interface Bringing {
  readonly snapshot: Snapshot;
  readonly caller: Caller;
  readonly body: BodyContent;
  readonly param: 'input' | 'items';
}

const unreadable = (param: string, message: string): Failure =>
  new Failure('invalid_encrypted_content', message, { param });

/** It was not made where the call must go. */
export function madeElsewhere(param: Bringing['param'], what: string): Failure {
  return unreadable(
    param,
    `The encrypted content in '${param}' was made by another resource than the one where ${what} lives, which cannot read it. Leave it out.`,
  );
}

/** All contents that a value holds, however their names and texts are spelled: as the resource will read them. */
function* contentsOf(value: Json | undefined): Generator<string> {
  for (const { encrypted_content: content } of objectsIn(value)) if (typeof content === 'string') yield content;
}

/** Whether all that is brought along was signed for this caller. What the bytes show and what they mean must agree. */
function isAllSigned({ body, param }: Bringing, tags: TagsOfCaller, found: BroughtContents | undefined): boolean {
  let signed = 0;
  for (const text of contentsOf(body.json[param])) {
    if (text === '') continue;
    if (tags.open(Buffer.from(text), 0) === undefined) return false;
    signed += 1;
  }
  return found === undefined ? signed === 0 : !found.untagged && found.cuts.length === signed;
}

/** So many items are named; who has more to mend sees what kind of mistake it is. */
const mostNamed = 20;

/** For an error only: which items a property holds for. */
function itemsWhere({ snapshot, caller, body, param }: Bringing, holds: (item: BroughtContents) => boolean): string[] {
  const items = body.json[param];
  if (!Array.isArray(items)) return [param];
  const { affinity } = snapshot;
  const tags = new TagsOfCaller(affinity, ownerOf(affinity, caller));
  const named: string[] = [];
  for (const [index, item] of items.entries()) {
    const bytes = Buffer.from(JSON.stringify(item));
    const found = contentsIn(bytes, { start: 0, end: bytes.length }, tags);
    if (found === undefined || !holds(found)) continue;
    if (named.length === mostNamed) return [...named, 'and others'];
    named.push(`${param}[${index}]`);
  }
  return named;
}

function foreign(bringing: Bringing, isForeign: (item: BroughtContents) => boolean): Failure {
  const where = itemsWhere(bringing, isForeign).join(', ');
  return unreadable(
    bringing.param,
    `The encrypted content of ${where} could not be verified: it is not what this caller was given. Leave it out.`,
  );
}

/** The one resource that can read what was found; undefined where nothing found says where it was made. */
function homeOf(bringing: Bringing, found: BroughtContents): string | undefined {
  if (found.refused) throw foreign(bringing, ({ refused }) => refused);
  const [home, other] = found.homes;
  if (home === undefined) return undefined;
  if (other !== undefined) {
    const [one] = itemsWhere(bringing, ({ homes }) => homes.has(home));
    const [another] = itemsWhere(bringing, ({ homes }) => homes.has(other));
    throw unreadable(
      bringing.param,
      `The encrypted contents of ${one} and ${another} were made by different resources, and neither can read the other's. Leave those of one of them out.`,
    );
  }
  const resource = resourceAt(bringing.snapshot.endpoints.values(), { tag: home });
  if (resource === undefined) throw foreign(bringing, ({ homes }) => homes.has(home));
  return resource;
}

/**
 * Where a call must go because of the encrypted content that it brings along, and where the tags stand that the resource must
 * not get. Null where it brings none that says where it was made. Throws `invalid_encrypted_content` where it is another
 * caller's, or no one resource could read all of it.
 */
export function boundByContents(bringing: Bringing): Pick<Binding, 'resource' | 'cuts'> | null {
  const { snapshot, caller, body, param } = bringing;
  const { affinity } = snapshot;
  const span = body.spans.get(param);
  if (span === undefined || typeof body.json[param] === 'string') return null;
  const tags = new TagsOfCaller(affinity, ownerOf(affinity, caller));
  const found = contentsIn(body.bytes, span, tags);
  if (affinity.unsigned === 'refuse' && !isAllSigned(bringing, tags, found))
    throw unreadable(param, `Encrypted content in '${param}' is not what this caller was given. Leave it out.`);
  const resource = found === undefined ? undefined : homeOf(bringing, found);
  return found === undefined || resource === undefined ? null : { resource, cuts: found.cuts };
}

/** The binding of a call by what it refers to and by what it brings along: both must be in one resource. */
export function joinBindings(
  referring: Binding | null,
  brought: Pick<Binding, 'resource' | 'cuts'> | null,
): Binding | null {
  if (brought === null) return referring;
  if (referring === null) return { ...brought, param: 'input', edits: new Map(), known: new Map() };
  if (referring.resource === brought.resource) return { ...referring, cuts: brought.cuts };
  throw madeElsewhere('input', `what '${referring.param}' refers to`);
}
