import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Which answer is lost: the first that holds `reply` after something was sent that holds `request`; as latin1 text. */
export interface LostReply {
  readonly request: string;
  readonly reply: string;
}

/**
 * A TCP proxy that misbehaves when a test says so: between a store and its server, for one. It knows nothing of what it
 * carries. Nothing here waits for a time: the test says when.
 */
export interface TcpProxy {
  readonly port: number;
  /** Connections through it that are open now. */
  connections(): number;
  /** How many there were in all. */
  accepted(): number;
  /** Holds what the server answers, in order, until `release`: a server that is slow. */
  hold(): void;
  /** Delivers what was held and holds nothing more. */
  release(): void;
  /** Resets every connection, and each new one, until `restore`: a server that is down. */
  cut(): void;
  restore(): void;
  /** Nobody listens any more, and every connection is reset, until `reopen`: connections are refused. */
  shut(): Promise<void>;
  /** Listens again, on the same port. */
  reopen(): Promise<void>;
  /** Leads new connections to another server from now on: the address of a service whose primary changes. */
  leadTo(to: { readonly port: number }): void;
  /** Takes everything and passes nothing on, either way, until `restore`: what was sent until then is lost. */
  swallow(): void;
  /** Open connections that have lost something. */
  swallowed(): number;
  /**
   * Lets the server do what it is asked and resets the connection in place of its answer: what a commit looks like whose
   * answer is lost. Once; resolves when it has happened.
   */
  loseReply(lost: LostReply): Promise<void>;
  close(): Promise<void>;
}

interface Loss extends LostReply {
  readonly done: () => void;
}

/** Finds a text in what comes piece by piece. */
class Finder {
  #tail = '';
  found(chunk: Buffer, text: string): boolean {
    const seen = this.#tail + chunk.toString('latin1');
    this.#tail = seen.slice(-text.length);
    return seen.includes(text);
  }
}

/** Node forgets the end that is being sent when a reset overtakes it, and waits for it for ever when the process exits. */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

class Pair {
  readonly client: Socket;
  readonly server: Socket;
  readonly #held: Buffer[] = [];
  readonly #request = new Finder();
  readonly #reply = new Finder();
  #asked: Loss | undefined;
  /** Bytes of it are gone, so nothing that follows them makes sense. */
  lost = false;

  constructor(client: Socket, server: Socket) {
    this.client = client;
    this.server = server;
  }

  cut(): void {
    reset(this.client);
    this.server.destroy();
  }

  ask(chunk: Buffer, loss: Loss | undefined): void {
    if (loss !== undefined && this.#request.found(chunk, loss.request)) this.#asked = loss;
    this.server.write(chunk);
  }

  /** True where this answer was the one to be lost. */
  answer(chunk: Buffer, holding: boolean): boolean {
    if (this.#asked !== undefined) {
      // From the request on nothing is delivered: part of the answer could be enough.
      if (!this.#reply.found(chunk, this.#asked.reply)) return false;
      this.cut();
      this.#asked.done();
      return true;
    }
    if (holding) this.#held.push(chunk);
    else this.client.write(chunk);
    return false;
  }

  release(): void {
    for (const chunk of this.#held.splice(0)) this.client.write(chunk);
  }
}

async function listening(server: Server, port = 0): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  // `listen` on a TCP port gives an AddressInfo.
  return (server.address() as AddressInfo).port;
}

/** Listens on a free port and passes everything on to `port` of this machine, as it is when a connection comes. */
export async function startTcpProxy(to: { readonly port: number }): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let accepted = 0;
  let holding = false;
  let down = false;
  let swallowing = false;
  let loss: Loss | undefined;
  // Looked at with every connection: who starts the server after the proxy says its port later.
  let target = to;
  const listener = createServer({ noDelay: true }, (client) => {
    accepted += 1;
    client.on('error', () => undefined);
    if (down) {
      reset(client);
      return;
    }
    const server = connect({ port: target.port, host: '127.0.0.1', noDelay: true });
    const pair = new Pair(client, server);
    pairs.add(pair);
    const swallows = (): boolean => (pair.lost ||= swallowing);
    client.on('data', (chunk: Buffer) => {
      if (!swallows()) pair.ask(chunk, loss);
    });
    server.on('data', (chunk: Buffer) => {
      if (swallows()) return;
      if (pair.answer(chunk, holding)) loss = undefined;
    });
    client.on('end', () => server.end());
    server.on('end', () => {
      if (!pair.lost) client.end();
    });
    server.on('error', () => pair.cut());
    client.on('close', () => {
      server.destroy();
      pairs.delete(pair);
    });
  });
  const port = await listening(listener);
  const cutAll = (): void => {
    for (const pair of pairs) pair.cut();
  };
  return {
    port,
    connections: () => pairs.size,
    accepted: () => accepted,
    hold: () => {
      holding = true;
    },
    release() {
      holding = false;
      for (const pair of pairs) pair.release();
    },
    cut() {
      down = true;
      cutAll();
    },
    restore: () => {
      down = false;
      swallowing = false;
    },
    shut: () =>
      new Promise((resolve) => {
        listener.close(() => resolve());
        cutAll();
      }),
    async reopen() {
      await listening(listener, port);
    },
    leadTo(other) {
      target = other;
    },
    swallow: () => {
      swallowing = true;
    },
    swallowed: () => [...pairs].filter(({ lost }) => lost).length,
    loseReply: (lost) =>
      new Promise((resolve) => {
        loss = { ...lost, done: resolve };
      }),
    close: () =>
      new Promise((resolve) => {
        if (listener.listening) listener.close(() => resolve());
        else resolve();
        cutAll();
      }),
  };
}
