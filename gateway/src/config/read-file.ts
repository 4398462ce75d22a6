import { readFileSync, statSync } from 'node:fs';

const mostBytes = 8 * 1024 ** 2;
const mostSecretBytes = 64 * 1024;

/** What a file holds, or why it can't be used. */
export type FileText = { readonly text: string } | { readonly problem: string; readonly fix: string };

/** Reads the whole configuration file as UTF-8. Never throws for a file that is not as it should be. */
export function readConfigFile(path: string): FileText {
  return readText(path, {
    mostBytes,
    tooLarge: { problem: 'the file is larger than 8 MiB', fix: 'No configuration is; is it the right file?' },
  });
}

/** Reads a secret; one newline at its end, as editors leave it, is no part of it. */
export function readSecretFile(path: string): FileText {
  const read = readText(path, {
    mostBytes: mostSecretBytes,
    tooLarge: { problem: `the file '${path}' is larger than 64 KiB`, fix: 'Name the file that holds only the secret.' },
  });
  return 'text' in read ? { text: read.text.replace(/\r?\n$/, '') } : read;
}

interface Limit {
  readonly mostBytes: number;
  readonly tooLarge: { readonly problem: string; readonly fix: string };
}

function readText(path: string, limit: Limit): FileText {
  let bytes: Buffer;
  try {
    const found = statSync(path);
    if (found.isDirectory()) return { problem: `'${path}' is a directory`, fix: 'Name the file in it.' };
    // A pipe or a device may never end.
    if (!found.isFile()) return { problem: `'${path}' is not a regular file`, fix: 'Name a regular file.' };
    if (found.size > limit.mostBytes) return limit.tooLarge;
    bytes = readFileSync(path);
  } catch (error) {
    return unreadable(path, error);
  }
  return decode(bytes);
}

function unreadable(path: string, error: unknown): FileText {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  if (code === 'ENOENT') return { problem: `there is no file '${path}'`, fix: 'Check the path.' };
  if (code === 'EACCES') return { problem: `the file '${path}' may not be read`, fix: 'Check its permissions.' };
  return { problem: `the file '${path}' cannot be read (${code})`, fix: 'Check the path.' };
}

function decode(bytes: Buffer): FileText {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    return { problem: 'the file is in UTF-16', fix: 'Save it as UTF-8.' };
  }
  try {
    // The decoder takes a UTF-8 byte order mark away, so that columns are counted from the first visible character.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (text.includes('\0')) return { problem: 'the file holds NUL characters', fix: 'Is it the right file?' };
    return { text };
  } catch {
    return { problem: 'the file is not valid UTF-8', fix: 'Save it as UTF-8.' };
  }
}
