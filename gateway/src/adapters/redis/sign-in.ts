/** A connection of the client library's. */
export interface SignedIn {
  readonly isReady: boolean;
  sendCommand(args: string[]): Promise<unknown>;
}

/** How connections tell the server who they are, where that may change while they live. */
export interface RedisSignIn {
  /** A connection that listens takes no other command with protocol 2, not even a new token. */
  readonly protocol: 2 | 3;
  /** As the URL names it. */
  user: string | null;
  /** For the client library: asked for every new connection. The password is empty where there is none. */
  credentials(): Promise<{ readonly username?: string; readonly password: string }>;
  /** Keeps the connections signed in until it is stopped. */
  start(connections: () => readonly SignedIn[]): void;
  stop(): void;
  /** The server has answered as one does whom it has let in. */
  taken(): void;
  /** A connection failed; whether that is the sign-in's business it finds out itself. */
  failed(thrown: unknown): void;
}
