import { Pool } from 'undici';

/**
 * Keep-alive connections to every resource, one pool per origin. No cap on their number: a cap would queue streams
 * behind each other and show as time to first byte. Our own watchdog keeps the time, so undici's timeouts are off.
 */
export class UpstreamConnections {
  private readonly pools = new Map<string, Pool>();

  to(origin: string): Pool {
    let pool = this.pools.get(origin);
    if (pool === undefined) {
      pool = new Pool(origin, {
        connections: null,
        pipelining: 1,
        allowH2: false,
        headersTimeout: 0,
        bodyTimeout: 0,
        connectTimeout: 5_000,
        keepAliveTimeout: 30_000,
      });
      this.pools.set(origin, pool);
    }
    return pool;
  }

  /** Closes idle connections now and busy ones when they are done. */
  async close(): Promise<void> {
    await Promise.all([...this.pools.values()].map((pool) => pool.close()));
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.pools.values()].map((pool) => pool.destroy()));
  }
}
