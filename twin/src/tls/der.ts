/** Writes the DER of X.690, as far as certificates need it. */
export type Der = Buffer;

function tagged(tag: number, content: Buffer): Der {
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  const bytes = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...bytes]), content]);
}

export const sequence = (...items: readonly Der[]): Der => tagged(0x30, Buffer.concat(items));
export const setOf = (...items: readonly Der[]): Der => tagged(0x31, Buffer.concat(items));
export const octets = (content: Buffer): Der => tagged(0x04, content);
export const text = (value: string): Der => tagged(0x0c, Buffer.from(value, 'utf8'));
export const yes: Der = Buffer.from([0x01, 0x01, 0xff]);

/** `bits`: whole bytes, of which `unused` bits at the end count for nothing. */
export const bits = (content: Buffer, unused = 0): Der => tagged(0x03, Buffer.concat([Buffer.from([unused]), content]));

/** A positive number, most significant byte first. */
export function integer(bytes: Buffer): Der {
  const sign = (bytes[0] ?? 0) >= 0x80 ? Buffer.from([0]) : Buffer.alloc(0);
  return tagged(0x02, Buffer.concat([sign, bytes]));
}

/** `251231235959Z`: before 2050. */
export const moment = (utcTime: string): Der => tagged(0x17, Buffer.from(utcTime, 'ascii'));

export function objectIdentifier(dotted: string): Der {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const septets = [part & 0x7f];
    for (let left = part >> 7; left > 0; left >>= 7) septets.unshift((left & 0x7f) | 0x80);
    bytes.push(...septets);
  }
  return tagged(0x06, Buffer.from(bytes));
}

/** `[number]` around content; what it holds is a structure of its own. */
export const explicit = (number: number, content: Buffer): Der => tagged(0xa0 | number, content);
/** `[number]` in the place of a primitive's own tag. */
export const implicit = (number: number, content: Buffer): Der => tagged(0x80 | number, content);
