import { randomBytes } from 'node:crypto';

/**
 * Makes ids of 26 characters (Crockford base 32) that sort by time: 48 bits of milliseconds, 80 bits of chance,
 * as in the ULID specification (github.com/ulid/spec). Random bytes are drawn in blocks, because one draw costs
 * more than the rest of an id.
 */
export type IdSource = (now: number) => string;

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const blockBytes = 4096;

export function ulidSource(): IdSource {
  let pool = randomBytes(blockBytes);
  let used = 0;
  let lastTime = -1;
  let timePart = '';
  return (now) => {
    if (now !== lastTime) {
      lastTime = now;
      timePart = '';
      for (let rest = now, at = 0; at < 10; at += 1, rest = Math.floor(rest / 32))
        timePart = alphabet.charAt(rest % 32) + timePart;
    }
    if (used + 16 > blockBytes) {
      pool = randomBytes(blockBytes);
      used = 0;
    }
    let id = timePart;
    for (let at = 0; at < 16; at += 1) id += alphabet.charAt((pool[used + at] ?? 0) & 31);
    used += 16;
    return id;
  };
}
