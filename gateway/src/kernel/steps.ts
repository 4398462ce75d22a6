import type { Clock } from './clock.ts';
import { nextTurn } from './turn.ts';

/** Long work that yields wherever others may come in between. Nothing of it is seen by anybody until it returns. */
export type Steps<Result> = Generator<undefined, Result, undefined>;

/** So long at a time: what is answered meanwhile waits no longer for it. */
const sliceMs = 4;

/** Does all of it now: where nobody waits, as when a gateway starts. */
export function atOnce<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Does it in slices of some milliseconds, each in a turn of the event loop of its own. */
export async function inTurns<Result>(steps: Steps<Result>, clock: Pick<Clock, 'monotonic'>): Promise<Result> {
  await nextTurn();
  let began = clock.monotonic();
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (clock.monotonic() - began < sliceMs) continue;
    await nextTurn();
    began = clock.monotonic();
  }
}
