import { Agent, request } from 'undici';
import type { WebhookSender } from '#accounting/alerts/ports.ts';
import type { Clock } from '#kernel/clock.ts';

const connectTimeoutMs = 5_000;
const keepAliveMs = 4_000;

class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

const codeOf = (thrown: unknown): string =>
  thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : 'broke off';

/** Posts over HTTP, by itself and few at a time. Does not follow redirects, and reads nothing of the answer's body. */
export function createWebhookSender(clock: Clock): WebhookSender {
  const agent = new Agent({
    connections: 4,
    pipelining: 1,
    connectTimeout: connectTimeoutMs,
    keepAliveTimeout: keepAliveMs,
    // The time is kept below, over all of it.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  return {
    async post({ url, headers, body, timeoutMs }) {
      const abort = new AbortController();
      const timer = clock.after(timeoutMs, () => abort.abort());
      try {
        const answer = await request(url, {
          dispatcher: agent,
          method: 'POST',
          headers,
          body,
          signal: abort.signal,
        });
        // Read to its end it would leave the connection usable, and let a receiver hold us up.
        answer.body.on('error', () => undefined).destroy();
        return answer.statusCode;
      } catch (thrown) {
        if (abort.signal.aborted) throw new NoAnswer(`no answer within ${timeoutMs} ms`, { cause: thrown });
        throw new NoAnswer(`no answer (${codeOf(thrown)})`, { cause: thrown });
      } finally {
        timer.cancel();
      }
    },
    close: async () => await agent.destroy(),
  };
}
