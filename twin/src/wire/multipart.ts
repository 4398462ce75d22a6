/** A part of a form. */
export interface FormPart {
  readonly name: string;
  readonly filename: string | undefined;
  readonly text: string;
}

/** The parts of a form (RFC 7578) that is here whole; undefined where it is none, or not complete. */
export function readForm(contentType: string | undefined, body: string): readonly FormPart[] | undefined {
  const boundary = /^multipart\/form-data\s*;.*boundary="?([^";]+)"?/i.exec(contentType ?? '')?.[1];
  if (boundary === undefined) return undefined;
  const pieces = `\r\n${body}`.split(`\r\n--${boundary}`);
  if (pieces.length < 2 || pieces.at(-1)?.startsWith('--') !== true) return undefined;
  const parts = pieces.slice(1, -1).map((piece) => readPart(piece));
  return parts.every((part) => part !== undefined) ? parts : undefined;
}

function readPart(piece: string): FormPart | undefined {
  const [head = '', ...rest] = piece.split('\r\n\r\n');
  const disposition = /content-disposition:\s*form-data;([^\r\n]*)/i.exec(head)?.[1] ?? '';
  const name = /\bname="([^"]*)"/.exec(disposition)?.[1];
  const filename = /\bfilename="([^"]*)"/.exec(disposition)?.[1];
  return name === undefined ? undefined : { name, filename, text: rest.join('\r\n\r\n') };
}
