import { encryptedMember, type AffinityRules } from '#model/affinity.ts';
import { contentTag, headOf, longestHead } from './content-tag.ts';
import { textAt } from './encrypted-member.ts';
import { unfinished } from './reply-ids.ts';

interface Whose {
  readonly owner: string;
  /** Base URL. */
  readonly resource: string;
}

/**
 * Puts a tag in front of every `encrypted_content` in the bytes of a reply as they pass. It waits for the beginning of a
 * content and never for its end; a reply that has none goes on as it came, uncopied.
 */
export class ReplyContents {
  readonly #rules: AffinityRules;
  readonly #whose: Whose;
  /** The beginning of a member or of its content, waiting for what follows. */
  #waiting: Buffer | undefined;

  constructor(rules: AffinityRules, whose: Whose) {
    this.#rules = rules;
    this.#whose = whose;
  }

  /** What may go on now; undefined: nothing. */
  push(bytes: Buffer): Buffer | undefined {
    const all = this.#waiting === undefined ? bytes : Buffer.concat([this.#waiting, bytes]);
    this.#waiting = undefined;
    return this.#tagged(all, false);
  }

  /** The end of the reply, with whatever waited. */
  end(bytes: Buffer | undefined): Buffer | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) return bytes === undefined ? undefined : this.#tagged(bytes, true);
    return this.#tagged(bytes === undefined ? waiting : Buffer.concat([waiting, bytes]), true);
  }

  #tagged(all: Buffer, last: boolean): Buffer | undefined {
    let parts: Buffer[] | undefined;
    let at = 0;
    let found = all.indexOf(encryptedMember);
    for (; found !== -1; found = all.indexOf(encryptedMember, found + encryptedMember.length)) {
      const content = contentOf(all, found);
      if (content === 'cut' && !last) return this.#waitFrom(all, found, { parts, at });
      const { start, head } = content === 'cut' ? cutContent(all, found) : content;
      if (start === -1) continue;
      parts ??= [];
      parts.push(all.subarray(at, start), contentTag(this.#rules, head, this.#whose));
      at = start;
    }
    const open = last ? 0 : unfinished(all, encryptedMember);
    return open === 0 ? joined(all, { parts, at }) : this.#waitFrom(all, all.length - open, { parts, at });
  }

  #waitFrom(all: Buffer, from: number, done: Done): Buffer | undefined {
    this.#waiting = all.subarray(from);
    const passed = joined(all.subarray(0, from), done);
    return passed.length === 0 ? undefined : passed;
  }
}

const quote = '"'.charCodeAt(0);

interface Content {
  /** Where it begins; -1: there is none that anybody could read. */
  readonly start: number;
  readonly head: Buffer;
}

/** What a reply that broke off has of it. */
function cutContent(bytes: Buffer, found: number): Content {
  const start = textAt(bytes, found) ?? -1;
  return { start: start === bytes.length ? -1 : start, head: headOf(bytes, start) };
}

/** `cut`: more of it must arrive before its tag can be made. */
function contentOf(bytes: Buffer, found: number): Content | 'cut' {
  const start = textAt(bytes, found);
  if (start === undefined || start === bytes.length) return 'cut';
  // An empty one has nothing to be read: some events hold one until the content is there.
  if (start === -1 || bytes[start] === quote) return { start: -1, head: bytes.subarray(0, 0) };
  const head = headOf(bytes, start);
  return start + head.length === bytes.length && head.length < longestHead ? 'cut' : { start, head };
}

interface Done {
  readonly parts: Buffer[] | undefined;
  /** What stands before is in the parts. */
  readonly at: number;
}

function joined(all: Buffer, { parts, at }: Done): Buffer {
  return parts === undefined ? all : Buffer.concat([...parts, all.subarray(at)]);
}
