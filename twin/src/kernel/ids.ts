import { randomBytes, randomUUID } from 'node:crypto';

/** Ids as the service makes them; never the same twice, whatever the seed. */
export interface IdSource {
  /** A UUID, for `apim-request-id` and its kin. */
  uuid(): string;
  /** `prefix` and `length` letters and digits: `chatcmpl-9XTN…`. */
  named(prefix: string, length?: number): string;
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789ab';
const blockBytes = 4096;

export function systemIds(): IdSource {
  let pool = randomBytes(blockBytes);
  let used = 0;
  return {
    uuid: () => randomUUID(),
    named(prefix, length = 29) {
      if (used + length > blockBytes) {
        pool = randomBytes(blockBytes);
        used = 0;
      }
      let id = prefix;
      for (let at = 0; at < length; at += 1) id += letters.charAt((pool[used + at] ?? 0) & 63);
      used += length;
      return id;
    },
  };
}
