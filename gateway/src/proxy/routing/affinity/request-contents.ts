import { encryptedMember } from '#model/affinity.ts';
import type { MemberSpan } from '#model/request-body.ts';
import { contentTagLength, isTagged, type TagsOfCaller } from './content-tag.ts';
import { textAt } from './encrypted-member.ts';

/** What a request brings along that only one resource can read. */
export interface BroughtContents {
  /** The resources that made it, by their tags: more than one can serve no such call. */
  readonly homes: ReadonlySet<string>;
  /** Where the tags stand in the bytes, in order: the resource must not get them. */
  readonly cuts: readonly MemberSpan[];
  /** One has no tag: it was made before the gateway made them, or past it. */
  readonly untagged: boolean;
  /** One has a tag that is not ours, was changed, or is another caller's: what stands behind it was not looked at. */
  readonly refused: boolean;
}

const quote = '"'.charCodeAt(0);

/** Looks through one member of a body. Undefined where it brings nothing: found out by one search in its bytes. */
export function contentsIn(bytes: Buffer, span: MemberSpan, tags: TagsOfCaller): BroughtContents | undefined {
  const given = bytes.subarray(span.start, span.end);
  let found = given.indexOf(encryptedMember);
  if (found === -1) return undefined;
  const homes = new Set<string>();
  const cuts: MemberSpan[] = [];
  let untagged = false;
  let refused = false;
  for (; found !== -1 && !refused; found = given.indexOf(encryptedMember, found + encryptedMember.length)) {
    const from = textAt(given, found) ?? -1;
    if (from === -1 || given[from] === quote) continue;
    const home = tags.open(given, from);
    if (home !== undefined) {
      homes.add(home);
      cuts.push({ start: span.start + from, end: span.start + from + contentTagLength });
    } else if (isTagged(given, from)) refused = true;
    else untagged = true;
  }
  return { homes, cuts, untagged, refused };
}
