import type { Log } from '#kernel/log.ts';
import type { RedisConnection } from './connection.ts';

/** A server that evicts an account when its memory is full forgets grants, and nobody can tell. */
export async function warnOfEviction(connection: RedisConnection, log: Log): Promise<void> {
  try {
    await connection.connected();
    const info = await connection.command('', ['INFO', 'memory']);
    const [, bytes = '0'] = /^maxmemory:(\d+)/m.exec(String(info)) ?? [];
    const [, policy = 'noeviction'] = /^maxmemory_policy:(\S+)/m.exec(String(info)) ?? [];
    if (policy === 'noeviction') return;
    log.warn(
      { policy, maxmemory: Number(bytes) },
      'the server of the shared counters evicts keys when its memory is full: set maxmemory-policy to noeviction',
    );
  } catch (error) {
    log.debug({ err: error }, 'the server of the shared counters does not tell its settings');
  }
}
