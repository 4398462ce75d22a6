/** Who takes a reply's body. Called in the turn in which a chunk arrives. */
export interface ReplySink {
  data(chunk: Buffer): void;
  end(): void;
  error(error: Error): void;
}
