import { randomBytes } from 'node:crypto';

/**
 * Makes ids of 26 characters (Crockford base 32) that sort by time: 48 bits of milliseconds, 80 bits of chance,
 * as in the ULID specification (github.com/ulid/spec). Random bytes are drawn in blocks, because one draw costs
 * more than the rest of an id.
 */
export type IdSource = (now: number) => string;

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const letters = Buffer.from(alphabet);
const randomLetters = 16;
const blockBytes = 64 * randomLetters;

/**
 * The random parts of many ids as one text, of which each takes its piece: a text that grows letter by letter is a chain
 * of all its beginnings for V8, and whoever keeps the id keeps the chain.
 */
function drawBlock(): string {
  const bytes = randomBytes(blockBytes);
  for (let at = 0; at < blockBytes; at += 1) bytes[at] = letters[(bytes[at] ?? 0) & 31] ?? 0;
  return bytes.toString('latin1');
}

function timeText(now: number): string {
  let text = '';
  for (let rest = now, at = 0; at < 10; at += 1, rest = Math.floor(rest / 32)) text = alphabet.charAt(rest % 32) + text;
  return text;
}

/** An id of the same form whose second half is made of bytes instead of chance: the same bytes give the same id. */
export function idOf(now: number, bytes: Uint8Array): string {
  let text = timeText(now);
  for (let at = 0; at < randomLetters; at += 1) text += alphabet.charAt((bytes[at] ?? 0) & 31);
  return text;
}

export function ulidSource(): IdSource {
  let block = drawBlock();
  let used = 0;
  let lastTime = -1;
  let timePart = '';
  return (now) => {
    if (now !== lastTime) {
      lastTime = now;
      timePart = timeText(now);
    }
    if (used === blockBytes) {
      block = drawBlock();
      used = 0;
    }
    const id = timePart + block.slice(used, used + randomLetters);
    used += randomLetters;
    return id;
  };
}
