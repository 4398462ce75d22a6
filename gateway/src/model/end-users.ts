/** How end users are told apart without being known. */
export interface EndUserTerms {
  /** What their ids are hashed with: whoever deletes it makes every hash a stranger's. */
  readonly key: string;
  /** The header that names the end user, lower case; null: only the body does. */
  readonly header: string | null;
}
