/**
 * Couples the upstream's streams to the load generator's, which run in one process: the next event of a stream is sent when
 * the client has received the one before. Each event so travels alone however fast the proxy is, and the proxy is always
 * the one who is waited for. Sent at a fixed rate instead, events would pile up in the socket of a slow proxy, which would
 * then read several at once and look cheap.
 */
export class Pacer {
  readonly #streams = new Map<string, PacedStream>();
  #nudges = 0;

  /** Times that a stream had to be pushed on because its client did not see what was sent: a proxy held an event back. */
  get nudges(): number {
    return this.#nudges;
  }

  /** The upstream begins a stream; `sendNext` sends one more event and says whether any are left. */
  begin(stream: string, sendNext: () => boolean): void {
    this.#streams.set(stream, { sendNext, waitedTicks: 0 });
  }

  /** Forgets the stream, unless another one has begun under its name. */
  end(stream: string, sendNext: () => boolean): void {
    if (this.#streams.get(stream)?.sendNext === sendNext) this.#streams.delete(stream);
  }

  /** The client has received what was sent so far. */
  received(stream: string): void {
    const paced = this.#streams.get(stream);
    if (paced === undefined) return;
    paced.waitedTicks = 0;
    if (!paced.sendNext()) this.end(stream, paced.sendNext);
  }

  /** To be called now and then; a stream without progress over `patience` calls gets its next event unasked. */
  tick(patience: number): void {
    for (const [stream, paced] of this.#streams) {
      paced.waitedTicks += 1;
      if (paced.waitedTicks < patience) continue;
      this.#nudges += 1;
      this.received(stream);
    }
  }
}

interface PacedStream {
  readonly sendNext: () => boolean;
  waitedTicks: number;
}

/** Stands in the prompt of a paced stream, so that it survives whatever a proxy does to headers. */
export function streamMarker(stream: string): string {
  return `[stream ${stream}]`;
}

const markerStart = Buffer.from('[stream ');

/** The stream's name in a request body; undefined where the request is none of the load generator's paced ones. */
export function readStreamMarker(body: Buffer): string | undefined {
  const at = body.indexOf(markerStart);
  if (at < 0) return undefined;
  const from = at + markerStart.length;
  const end = body.indexOf(93, from); // the closing bracket
  return end < 0 || end - from > 20 ? undefined : body.toString('latin1', from, end);
}
