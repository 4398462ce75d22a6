import { once } from 'node:events';
import type { Server } from 'node:net';

/** Listens on a free port of 127.0.0.1, with room for every connection of a run to arrive at once; the port. */
export async function listenLocally(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1', 1_024);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return address.port;
}
