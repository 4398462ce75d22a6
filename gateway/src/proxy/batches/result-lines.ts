import { parseJsonObject } from '#kernel/json.ts';
import type { Presence } from '#model/presence.ts';
import type { Services } from '#proxy/services.ts';
import type { UpstreamReply } from '#proxy/upstream/send.ts';
import { Watchdog } from '#proxy/upstream/watchdog.ts';
import { LineSplitter } from './line-splitter.ts';

const idleMs = 60_000;
const deadlineMs = 30 * 60_000;
/** No reply of a model is as long, bytes: with its pictures, as what is stored is read whole. */
const longestLine = 64 * 1024 * 1024;

/** Of long lines a group has fewer, bytes. */
const largestGroup = 4 * 1024 * 1024;

/** A file on its way from a resource. */
export interface Arriving {
  readonly reply: UpstreamReply;
  /** Somebody who goes is told; then it ends. */
  readonly presence: Presence;
  /** Called where it breaks off or stalls, through no doing of the gateway's. */
  readonly broke: () => void;
}

/** The bytes of a reply, no faster than they are worked on. Throws where it breaks off or stalls. */
async function* chunksOf(services: Services, { reply, presence, broke }: Arriving): AsyncGenerator<Buffer> {
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
  const broken = (error: Error): void => {
    broke();
    fail(error);
  };
  const watchdog = new Watchdog(services.alarms, limits, {
    expired() {
      broke();
      giveUp('The resource has stalled.');
    },
  });
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
    error: broken,
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
  { most, ...arriving }: Arriving & { readonly most: number },
): AsyncGenerator<readonly string[]> {
  const splitter = new LineSplitter();
  let group: string[] = [];
  let size = 0;
  let isFirst = true;
  for await (const chunk of chunksOf(services, arriving)) {
    for (const line of splitter.push(chunk)) {
      group.push(lineOf(line.toString('utf8'), isFirst));
      isFirst = false;
      size += line.length;
      if (group.length < most && size < largestGroup) continue;
      yield group;
      group = [];
      size = 0;
    }
    if (splitter.pending > longestLine) throw new Error(`The file has a line of more than ${longestLine} bytes.`);
  }
  const rest = splitter.end();
  if (rest.length > 0) {
    const last = lineOf(rest.toString('utf8'), isFirst);
    if (last.trim() !== '' && parseJsonObject(last) === undefined) throw new Error('The file ends within a line.');
    group.push(last);
  }
  if (group.length > 0) yield group;
}
