import { once } from 'node:events';
import { createServer } from 'node:net';

const given = new Set<number>();

/**
 * A port that is free, and that nobody else gets by chance until it is used: below those that systems hand out by
 * themselves, to servers that ask for any and to clients for their end. For what has to be told its port before it
 * starts, and for what comes back on the port that it had.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    // A node of a cluster takes the port 10,000 above its own as well: that is below them, too.
    const port = 10_000 + Math.floor(Math.random() * 12_000);
    if (given.has(port)) continue;
    given.add(port);
    const probe = createServer();
    try {
      probe.listen(port, '127.0.0.1');
      await once(probe, 'listening');
      probe.close();
      await once(probe, 'close');
      return port;
    } catch {
      // It is taken.
    }
  }
}
