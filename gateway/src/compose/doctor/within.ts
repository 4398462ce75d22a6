import type { Clock } from '#kernel/clock.ts';

/** What the work comes to, or undefined where it has not come to anything in time; the work itself goes on. */
export async function within<Result>(ms: number, work: Promise<Result>, clock: Clock): Promise<Result | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = clock.after(ms, () => late.resolve(undefined));
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    timer.cancel();
  }
}
