/** Far beyond what any machine needs. It ends a test that would hang, and decides nothing else. */
const longestMs = 120_000;
/** So many looks without a pause; after them the threads and processes that are waited for get the processor. */
const looksAtOnce = 500;
const pauseMs = 5;

const turn = (pause: boolean): Promise<void> =>
  new Promise((resolve) => {
    if (pause) setTimeout(resolve, pauseMs);
    else setImmediate(resolve);
  });

/**
 * Lets sockets, timers, threads and other processes have their turns until something holds; fails after two minutes
 * instead of hanging. `what` is for the failure: what it never came to, or a function that says how things stand then.
 */
export async function until(
  holds: () => boolean | Promise<boolean>,
  what: string | (() => string) = 'what the test waits for',
): Promise<void> {
  const signal = AbortSignal.timeout(longestMs);
  for (let looks = 0; ; looks += 1) {
    // Looked at once more after the time is up: this process may have stood still meanwhile.
    const isLast = signal.aborted;
    if (await holds()) return;
    if (isLast) throw new Error(`It never came to ${typeof what === 'string' ? what : what()}.`);
    await turn(looks >= looksAtOnce);
  }
}

/** The same for something that may not even be there to be asked: a failure to look is a "not yet". */
export async function eventually(holds: () => Promise<boolean>, what?: string): Promise<void> {
  let failure = '';
  await until(
    () =>
      holds().catch((error: unknown) => {
        failure = `, and asking failed: ${error instanceof Error ? error.message : 'with no error'}`;
        return false;
      }),
    () => `${what ?? 'what the test waits for'}${failure}`,
  );
}
