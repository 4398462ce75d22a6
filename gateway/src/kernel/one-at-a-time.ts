/** Lets one piece of work run at a time, in the order in which they were asked for. */
export class OneAtATime {
  #last: Promise<unknown> = Promise.resolve();

  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work);
    // Whoever is next runs whether or not this one fails.
    this.#last = result.catch(() => undefined);
    return await result;
  }
}
