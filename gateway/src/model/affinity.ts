import type { MemberSpan } from './request-body.ts';

/** The member of requests and replies that holds what only one resource can read. In a text its quotation marks are escaped. */
export const encryptedMember = Buffer.from('"encrypted_content"');

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
  /**
   * What becomes of what says neither where it lives nor whose it is: encrypted reasoning without a tag, and ids of a
   * resource's own making (items, files, vector stores, containers).
   */
  readonly unsigned: 'pass' | 'refuse';
}

/** A call that must go to one resource, because what it refers to lives there. */
export interface Binding {
  /** Base URL, as `Endpoint.resource`. */
  readonly resource: string;
  /** The member of the body that binds it, for errors. */
  readonly param: string;
  /** Members as the resource must get them: name -> JSON text. */
  readonly edits: ReadonlyMap<string, string>;
  /** What of the body's bytes the resource must not get, in order, outside of `edits`. */
  readonly cuts: readonly MemberSpan[];
  /** The upstream's id -> the one that the client knows it by. */
  readonly known: ReadonlyMap<string, string>;
}
