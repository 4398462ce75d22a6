/** Resolves in the next turn of the event loop: long work lets others in between its pieces. */
export const nextTurn = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));
