import { Failure } from '#kernel/errors.ts';

/** The head of one part of a form. */
interface PartHead {
  readonly name: string;
  /** Null where the part is a plain field. */
  readonly filename: string | null;
}

/** What stands in a form, in its order. */
export type FormPiece =
  | { readonly kind: 'part'; readonly head: PartHead }
  | { readonly kind: 'data'; readonly bytes: Buffer }
  | { readonly kind: 'end-of-part' };

/** Nobody's part has more to say about itself, bytes. */
const longestHead = 8 * 1024;
const blankLine = Buffer.from('\r\n\r\n');

const broken = (message: string): Failure => new Failure('invalid_request_body', message);

/** The boundary in a content-type; throws where that is no form. */
function boundaryOf(contentType: string | undefined): string {
  const found = /^multipart\/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(contentType ?? '');
  const boundary = found?.[1] ?? found?.[2];
  if (boundary === undefined || boundary.length > 70)
    throw new Failure('unsupported_media_type', 'A file is uploaded as multipart/form-data, with a boundary.', {
      param: 'content-type',
    });
  return boundary;
}

/** One parameter of a disposition: its value in quotes, or a bare word, as .NET writes what needs no quotes. */
const parameter = /\s*([^\s=;"]+)\s*=\s*(?:"([^"]*)"|([^\s;"]*))\s*(?:;|$)/y;

function parametersIn(text: string): ReadonlyMap<string, string> | undefined {
  const found = new Map<string, string>();
  const rest = text.trimEnd();
  parameter.lastIndex = 0;
  while (parameter.lastIndex < rest.length) {
    const [, name = '', quoted, bare = ''] = parameter.exec(rest) ?? [];
    // Whoever reads the same twice may read the other one.
    if (name === '' || found.has(name.toLowerCase())) return undefined;
    found.set(name.toLowerCase(), quoted ?? bare);
  }
  return found;
}

function headOf(text: string): PartHead {
  const disposition = /^content-disposition:\s*form-data\s*;(.*)$/im.exec(text)?.[1];
  const found = disposition === undefined ? undefined : parametersIn(disposition);
  const name = found?.get('name');
  if (name === undefined) throw broken('A part of the form does not say what it is (content-disposition).');
  return { name, filename: found?.get('filename') ?? null };
}

/**
 * Reads a form (RFC 7578) as it arrives, keeping no more of it than a boundary is long. Throws a Failure where it is none.
 */
export class MultipartReader {
  readonly #delimiter: Buffer;
  #rest: Buffer = Buffer.from('\r\n');
  #in: 'preamble' | 'boundary' | 'head' | 'data' | 'end' = 'preamble';

  constructor(contentType: string | undefined) {
    this.#delimiter = Buffer.from(`\r\n--${boundaryOf(contentType)}`);
  }

  /** The closing boundary has come: what follows it means nothing. */
  get complete(): boolean {
    return this.#in === 'end';
  }

  push(chunk: Buffer): FormPiece[] {
    if (this.#in === 'end') return [];
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const pieces: FormPiece[] = [];
    while (this.#step(pieces));
    return pieces;
  }

  /** False where more bytes are needed. */
  #step(pieces: FormPiece[]): boolean {
    if (this.#in === 'boundary') return this.#afterBoundary();
    if (this.#in === 'head') return this.#readHead(pieces);
    return this.#in === 'end' ? false : this.#findBoundary(pieces);
  }

  #findBoundary(pieces: FormPiece[]): boolean {
    const found = this.#rest.indexOf(this.#delimiter);
    const until = found === -1 ? Math.max(0, this.#rest.length - this.#delimiter.length + 1) : found;
    if (this.#in === 'data' && until > 0) pieces.push({ kind: 'data', bytes: this.#rest.subarray(0, until) });
    if (found === -1) {
      this.#rest = this.#rest.subarray(until);
      return false;
    }
    if (this.#in === 'data') pieces.push({ kind: 'end-of-part' });
    this.#rest = this.#rest.subarray(found + this.#delimiter.length);
    this.#in = 'boundary';
    return true;
  }

  #afterBoundary(): boolean {
    if (this.#rest.length < 2) return false;
    const next = this.#rest.subarray(0, 2).toString('latin1');
    if (next === '--') this.#in = 'end';
    else if (next === '\r\n') this.#in = 'head';
    else throw broken('The form is not well-formed behind a boundary.');
    // The line break stays: a head may be empty but for the blank line.
    return true;
  }

  #readHead(pieces: FormPiece[]): boolean {
    const end = this.#rest.indexOf(blankLine);
    if (end === -1) {
      if (this.#rest.length > longestHead) throw broken('The head of a part of the form is too long.');
      return false;
    }
    pieces.push({ kind: 'part', head: headOf(this.#rest.subarray(2, end).toString('utf8')) });
    this.#rest = this.#rest.subarray(end + blankLine.length);
    this.#in = 'data';
    return true;
  }
}
