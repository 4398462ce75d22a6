/** A file as a resource keeps it. */
export interface StoredFile {
  readonly id: string;
  readonly resource: string;
  /** Seconds since the epoch. */
  readonly createdAt: number;
  readonly filename: string;
  readonly purpose: string;
  readonly content: string;
  /** Grows from file to file. */
  readonly order: number;
}
