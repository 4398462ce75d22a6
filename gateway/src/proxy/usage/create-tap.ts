import { usageReaders } from './readers/registry.ts';
import { ReplyTap } from './reply-tap.ts';
import { StreamTap } from './stream-tap.ts';
import type { Tap, TapOptions } from './tap.ts';

/** Makes the tap for one reply. It is used once, for one attempt. */
export function createTap(options: TapOptions): Tap {
  const reader = usageReaders[options.operation];
  return options.stream ? new StreamTap(reader.stream, options) : new ReplyTap(reader.reply, options);
}
