/** The id of a response in its own JSON: the first event of a stream, the beginning of a whole reply. */
const ownId = /"id"\s*:\s*"(resp_[\w-]{1,256})"/;
/** A reply that has not named itself by then never does, bytes. */
const longestSearch = 16 * 1024;

interface Replacement {
  readonly from: Buffer;
  readonly to: Buffer;
}

const lineFeed = 0x0a;

/** How many bytes at the end of `bytes` could be the beginning of `needle`. */
export function unfinished(bytes: Buffer, needle: Buffer): number {
  const last = bytes[bytes.length - 1];
  // Events end with a line feed, which stands in no needle: nearly every chunk is done with here.
  if (last === undefined || last === lineFeed || !needle.includes(last)) return 0;
  for (let length = Math.min(needle.length - 1, bytes.length); length > 0; length -= 1) {
    if (bytes.subarray(-length).equals(needle.subarray(0, length))) return length;
  }
  return 0;
}

function replaced(bytes: Buffer, { from, to }: Replacement): Buffer {
  let found = bytes.indexOf(from);
  if (found === -1) return bytes;
  const parts: Buffer[] = [];
  let at = 0;
  for (; found !== -1; found = bytes.indexOf(from, at)) {
    parts.push(bytes.subarray(at, found), to);
    at = found + from.length;
  }
  parts.push(bytes.subarray(at));
  return Buffer.concat(parts);
}

/** A text with the ids that a client knows in the place of the upstream's. */
export function withClientIds(bytes: Buffer, known: ReadonlyMap<string, string>): Buffer {
  let all = bytes;
  for (const [from, to] of known) all = replaced(all, { from: Buffer.from(from), to: Buffer.from(to) });
  return all;
}

/**
 * Puts the ids that a client knows in the place of the upstream's, in the bytes of a reply as they pass: an id is too long
 * and too random to stand for anything else. Most chunks hold none and go on as they came, uncopied.
 */
export class ReplyIds {
  readonly #seal: (raw: string) => string;
  readonly #replacements: Replacement[];
  /** Bytes that wait for what follows: the beginning of an id, or a reply that has not named itself yet. */
  #waiting: Buffer | undefined;
  #named = false;

  /** `known`: ids that the reply may repeat. `seal` makes the client's id of the new response. */
  constructor(known: ReadonlyMap<string, string>, seal: (raw: string) => string) {
    this.#seal = seal;
    this.#replacements = [...known].map(([from, to]) => ({ from: Buffer.from(from), to: Buffer.from(to) }));
  }

  /** What may go on now; undefined: nothing. */
  push(bytes: Buffer): Buffer | undefined {
    let all = this.#waiting === undefined ? bytes : Buffer.concat([this.#waiting, bytes]);
    this.#waiting = undefined;
    if (!this.#named && !this.#lookForName(all)) {
      this.#waiting = all;
      return undefined;
    }
    let open = 0;
    for (const one of this.#replacements) all = replaced(all, one);
    for (const { from } of this.#replacements) open = Math.max(open, unfinished(all, from));
    if (open === 0) return all;
    this.#waiting = all.subarray(-open);
    return all.length === open ? undefined : all.subarray(0, -open);
  }

  /** The end of the reply, with whatever waited. */
  end(bytes: Buffer | undefined): Buffer | undefined {
    this.#named ||= this.#lookForName(Buffer.concat([this.#waiting ?? Buffer.alloc(0), bytes ?? Buffer.alloc(0)]));
    this.#named = true;
    const passed = bytes === undefined ? undefined : this.push(bytes);
    const left = this.#waiting;
    this.#waiting = undefined;
    if (left === undefined) return passed;
    let rest = left;
    for (const one of this.#replacements) rest = replaced(rest, one);
    return passed === undefined ? rest : Buffer.concat([passed, rest]);
  }

  /** True where the search is over. */
  #lookForName(bytes: Buffer): boolean {
    const raw = ownId.exec(bytes.toString('latin1'))?.[1];
    if (raw !== undefined && !this.#replacements.some(({ from }) => from.equals(Buffer.from(raw))))
      this.#replacements.push({ from: Buffer.from(raw), to: Buffer.from(this.#seal(raw)) });
    this.#named = raw !== undefined || bytes.length > longestSearch;
    return this.#named;
  }
}
