import { request } from 'node:http';

export interface Call {
  readonly port: number;
  /** With its query. */
  readonly path: string;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
}

/** One call on a connection of its own, so that none is left open when the server drains. Rejects unless it gets a 200. */
export async function getJson<Shape>(call: Call): Promise<Shape> {
  const { status, text } = await get(call);
  if (status !== 200) throw new Error(`${call.path} answered ${status}: ${text.slice(0, 300)}`);
  const value: Shape = JSON.parse(text);
  return value;
}

export async function get(call: Call): Promise<{ readonly status: number; readonly text: string }> {
  return await new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port: call.port,
      path: call.path,
      method: call.method ?? 'GET',
      headers: { ...call.headers },
      agent: false as const,
    };
    const outgoing = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
      response.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
