/** A key that ids are signed with. */
export interface SigningKey {
  /** Stands in every id that it signed, so that the right key is tried first; tells nothing of the key. */
  readonly id: number;
  readonly secret: Buffer;
}

/** How ids of things that live in one resource are made and read. */
export interface AffinityRules {
  /** The first one signs; ids of the others are still read. Never empty. */
  readonly keys: readonly SigningKey[];
  /** Whose an id is: of one subscription, or of every subscription of the consumer. */
  readonly boundTo: 'subscription' | 'consumer';
}

/** A call that must go to one resource, because what it refers to lives there. */
export interface Binding {
  /** Base URL, as `Endpoint.resource`. */
  readonly resource: string;
  /** The member of the body that binds it, for errors. */
  readonly param: string;
  /** That member as the resource must get it, JSON text. */
  readonly value: string;
  /** The upstream's id -> the one that the client knows it by. */
  readonly known: ReadonlyMap<string, string>;
}
