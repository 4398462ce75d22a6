import { systemClock, type Clock } from '#kernel/clock.ts';

/**
 * Time and timers of the system, but at noon in the middle of a month: no day, month or year ends while a test runs that
 * counts within one. For a gateway whose callers bring keys: tokens are of the time that it really is.
 */
export function middayClock(): Clock {
  const [begun, noon] = [systemClock.monotonic(), Date.UTC(2026, 10, 18, 12)];
  return { ...systemClock, now: () => Math.floor(noon + systemClock.monotonic() - begun) };
}
