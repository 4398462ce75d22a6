import { ManualClock } from './manual-clock.ts';

/** A clock moved by hand that a twin can run on as well: time passes for both ends alike, and no test waits for it. */
export class SharedClock extends ManualClock {
  /** A later turn of the event loop: sockets have had their chance. */
  turn(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** What one client got. */
export interface Got {
  readonly status: number;
  /** Seconds; undefined where the answer names none. */
  readonly retryAfter: number | undefined;
  readonly text: string;
}

export interface Caller {
  readonly url: string;
  readonly key: string;
}

/** One call over connections that are kept. A reply that breaks off is what came of it. */
export async function askFor({ url, key }: Caller, body: object): Promise<Got> {
  const response = await fetch(`${url}/openai/v1/chat/completions`, {
    method: 'POST',
    headers: { 'api-key': key, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const retryAfter = response.headers.get('retry-after');
  return {
    status: response.status,
    retryAfter: retryAfter === null ? undefined : Number(retryAfter),
    text: await response.text(),
  };
}
