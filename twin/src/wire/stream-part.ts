/** One event of a stream, and the output tokens that it is the first to show. */
export interface StreamPart {
  /** The `event:` line, where the dialect has one. */
  readonly event?: string;
  readonly data: string;
  /** The event as it is sent, framing included; undefined: framed here. */
  readonly raw?: string;
  /** Output tokens generated for this event, reasoning included. */
  readonly tokens: number;
  readonly reasoning: number;
}

/** The event as server-sent events frame it (html.spec.whatwg.org, 9.2). */
export function frame(part: StreamPart, newline: string): string {
  if (part.raw !== undefined) return part.raw;
  return part.event === undefined
    ? `data: ${part.data}${newline}${newline}`
    : `event: ${part.event}${newline}data: ${part.data}${newline}${newline}`;
}

/** What the faults change in what a stream says. */
export interface StreamShape {
  readonly usage: 'reported' | 'missing' | 'with-choices';
  /** All text in one event of at least this many bytes; undefined: as usual. */
  readonly giantBytes: number | undefined;
}
