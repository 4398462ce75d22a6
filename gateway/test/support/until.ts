/** Lets sockets and timers have their turns until something holds; fails after very many turns instead of hanging. */
export async function until(holds: () => boolean, what = 'what the test waits for'): Promise<void> {
  for (let turn = 0; turn < 200_000; turn += 1) {
    if (holds()) return;
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  throw new Error(`It never came to ${what}.`);
}
