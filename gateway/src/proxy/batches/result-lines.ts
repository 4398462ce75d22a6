import { parseJsonObject } from '#kernel/json.ts';
import type { Presence } from '#model/presence.ts';
import type { Services } from '#proxy/services.ts';
import type { UpstreamReply } from '#proxy/upstream/send.ts';
import { Watchdog } from '#proxy/upstream/watchdog.ts';

const idleMs = 60_000;
const deadlineMs = 30 * 60_000;
const lineFeed = 0x0a;

/** The bytes of a reply, no faster than they are worked on. Throws where it breaks off or stalls. */
async function* chunksOf(services: Services, reply: UpstreamReply, presence: Presence): AsyncGenerator<Buffer> {
  const queue: Buffer[] = [];
  const state: { done: boolean; error: Error | undefined; wake: (() => void) | undefined } = {
    done: false,
    error: undefined,
    wake: undefined,
  };
  const fail = (error: Error): void => {
    state.error ??= error;
    state.wake?.();
  };
  const limits = { deadlineAt: services.clock.monotonic() + deadlineMs, firstByteMs: null, idleMs };
  const giveUp = (why: string): void => {
    reply.abort();
    fail(new Error(why));
  };
  const watchdog = new Watchdog(services.alarms, limits, { expired: () => giveUp('The resource has stalled.') });
  presence.watch({ clientLeft: () => giveUp('The gateway is going down.') });
  reply.start({
    data(chunk) {
      // The parser hands an empty piece over when it goes on, within the call: to pause for it would never end.
      if (chunk.length === 0) return;
      watchdog.touch();
      queue.push(chunk);
      reply.pause();
      state.wake?.();
    },
    end() {
      state.done = true;
      state.wake?.();
    },
    error: fail,
  });
  try {
    for (;;) {
      const next = queue.shift();
      if (next !== undefined) yield next;
      else if (state.error !== undefined) throw state.error;
      else if (state.done) return;
      else
        await new Promise<void>((resolve) => {
          state.wake = resolve;
          reply.resume();
        });
    }
  } finally {
    watchdog.stop();
    presence.unwatch();
    if (!state.done) reply.abort();
  }
}

/** A byte order mark belongs to no line. */
const lineOf = (text: string, isFirst: boolean): string =>
  isFirst && text.startsWith('\uFEFF') ? text.slice(1) : text;

/** The lines of a file that a batch has made, in groups. Throws where the file is not whole, or the reader goes. */
export async function* lineGroups(
  services: Services,
  { reply, presence, most }: { readonly reply: UpstreamReply; readonly presence: Presence; readonly most: number },
): AsyncGenerator<readonly string[]> {
  let rest: Buffer = Buffer.alloc(0);
  let group: string[] = [];
  let isFirst = true;
  for await (const chunk of chunksOf(services, reply, presence)) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let from = 0;
    for (let end = bytes.indexOf(lineFeed); end !== -1; end = bytes.indexOf(lineFeed, from)) {
      group.push(lineOf(bytes.toString('utf8', from, end), isFirst));
      isFirst = false;
      from = end + 1;
      if (group.length < most) continue;
      yield group;
      group = [];
    }
    rest = bytes.subarray(from);
  }
  if (rest.length > 0) {
    const last = lineOf(rest.toString('utf8'), isFirst);
    if (last.trim() !== '' && parseJsonObject(last) === undefined) throw new Error('The file ends within a line.');
    group.push(last);
  }
  if (group.length > 0) yield group;
}
