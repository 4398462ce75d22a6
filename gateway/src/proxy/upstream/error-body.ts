import type { UnderWay, UpstreamReply } from './send.ts';
import type { Watchdog } from './watchdog.ts';

/** An error reply longer than this is cut: nobody needs more of it. */
const longestErrorBytes = 256 * 1024;

/** An error reply that is being read. */
export interface ErrorReading extends UnderWay {
  /** What arrived until its end, until it broke off, was cut, or aborted. Never rejects. */
  readonly body: Promise<Buffer>;
}

/** Reads the whole body of a reply that is not relayed. */
export function readErrorBody(reply: UpstreamReply, watchdog: Watchdog): ErrorReading {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let size = 0;
  const done = (): void => resolve(Buffer.concat(chunks));
  const stop = (): void => {
    reply.abort();
    done();
  };
  reply.start({
    data(chunk) {
      watchdog.touch();
      size += chunk.length;
      if (size <= longestErrorBytes) chunks.push(chunk);
      else stop();
    },
    end: done,
    error: done,
  });
  return { body: promise, abort: stop };
}
