import { randomBytes } from 'node:crypto';

/**
 * W3C Trace Context (w3.org/TR/trace-context): `version-traceid-parentid-flags`. A later version may have more behind
 * another dash, which is not for us.
 */
const traceParentPattern =
  /^(?:00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})|(?!00|ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?)$/;
const longestTraceParent = 256;
/** What must be handed on at least; who sends more takes the risk that it is lost. */
const longestTraceState = 512;
const mostStateMembers = 32;
const stateMember = /^[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;
const noTrace = '0'.repeat(32);
const noSpan = '0'.repeat(16);

/** What a caller says of the trace that its call is in. */
export interface TraceParent {
  /** 32 hexadecimal digits, never all zero. */
  readonly traceId: string;
  /** The caller's own span, 16 digits. */
  readonly spanId: string;
  /** It says that it keeps the trace. */
  readonly sampled: boolean;
}

/** Undefined where it is malformed, too long, or stands twice: then there is no trace to join. */
export function parseTraceParent(value: string | readonly string[] | undefined): TraceParent | undefined {
  if (typeof value !== 'string' || value.length > longestTraceParent) return undefined;
  const match = traceParentPattern.exec(value);
  if (match === null) return undefined;
  const [, one, two, three, traceId = one, spanId = two, flags = three] = match;
  if (traceId === undefined || spanId === undefined || traceId === noTrace || spanId === noSpan) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags ?? '0', 16) & 1) === 1 };
}

/** The header for whoever is called within a span. */
export function traceParentText(traceId: string, spanId: string, sampled: boolean): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}

/** As it is handed on; null where there is none, or none that is well-formed and of a length that must be taken. */
export function traceStateOf(value: string | readonly string[] | undefined): string | null {
  if (typeof value !== 'string' || value === '' || value.length > longestTraceState) return null;
  const members = value
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '');
  if (members.length === 0 || members.length > mostStateMembers) return null;
  return members.every((member) => stateMember.test(member)) ? members.join(',') : null;
}

const none: readonly string[] = [];

/** The headers of a caller's context, name and value in turn, as they go on where no span of ours is between; none where it is malformed. */
export function passedOnContext(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): readonly string[] {
  const { traceparent, tracestate } = headers;
  if (typeof traceparent !== 'string' || parseTraceParent(traceparent) === undefined) return none;
  const state = traceStateOf(tracestate);
  return state === null ? ['traceparent', traceparent] : ['traceparent', traceparent, 'tracestate', state];
}

const blockBytes = 2048;

/** Draws ids of traces and spans; in blocks, because one draw costs more than the rest of an id. */
export class TraceIds {
  #block = '';
  #used = 0;

  trace(): string {
    return this.#draw(32);
  }

  span(): string {
    return this.#draw(16);
  }

  #draw(digits: number): string {
    if (this.#used + digits > this.#block.length) {
      this.#block = randomBytes(blockBytes).toString('hex');
      this.#used = 0;
    }
    const id = this.#block.slice(this.#used, this.#used + digits);
    this.#used += digits;
    // All zero means none; once in 2^64.
    return id === noSpan || id === noTrace ? this.#draw(digits) : id;
  }
}
