/** One call of the sample traffic. */
export interface DemoCall {
  readonly api: 'chat' | 'responses' | 'embeddings';
  /** The classic surface (deployment in the path, api-version) or v1. */
  readonly surface: 'classic' | 'v1';
  readonly model: string;
  readonly stream: boolean;
  readonly prompt: string;
  readonly instructions?: string;
  /** Leave after so many events of the stream. */
  readonly breakOffAfter?: number;
}

export interface Sent {
  /** `whole`: the reply was received to its end. */
  readonly ended: 'whole' | 'broken-off' | 'failed';
  /** Of a failed call, for people: the status and the code of the error. */
  readonly why: string;
}

export interface Door {
  /** `http://127.0.0.1:8080` */
  readonly dataPlane: string;
  readonly key: string;
}

const timeoutMs = 120_000;
const apiVersion = '2024-10-21';

function urlOf({ dataPlane }: Door, { api, surface, model }: DemoCall): string {
  const operation = { chat: 'chat/completions', responses: 'responses', embeddings: 'embeddings' }[api];
  return surface === 'classic'
    ? `${dataPlane}/openai/deployments/${model}/${operation}?api-version=${apiVersion}`
    : `${dataPlane}/openai/v1/${operation}`;
}

function bodyOf({ api, surface, model, stream, prompt, instructions }: DemoCall): object {
  const named = surface === 'v1' ? { model } : {};
  if (api === 'embeddings') return { ...named, input: prompt };
  const system = instructions === undefined ? [] : [{ role: 'system', content: instructions }];
  const messages = [...system, { role: 'user', content: prompt }];
  const streamed = stream ? { stream: true } : {};
  return api === 'chat'
    ? { ...named, ...streamed, messages, max_completion_tokens: 1500 }
    : { ...named, ...streamed, input: messages, max_output_tokens: 1500 };
}

function codeIn(text: string): string {
  return /"code"\s*:\s*"([\w-]+)"/.exec(text)?.[1] ?? text.slice(0, 80);
}

/** What a stream of this API must have said at its end. */
const terminal = { chat: /^data: ?\[DONE\]/m, responses: /^event: ?response\.(completed|incomplete|failed)/m } as const;

async function readStream(response: Response, call: DemoCall, leave: AbortController): Promise<Sent> {
  const decoder = new TextDecoder();
  let text = '';
  let events = 0;
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    events = text.match(/^data:/gm)?.length ?? 0;
    if (call.breakOffAfter !== undefined && events >= call.breakOffAfter) {
      leave.abort();
      return { ended: 'broken-off', why: '' };
    }
  }
  const whole = call.api === 'embeddings' || terminal[call.api].test(text);
  return whole ? { ended: 'whole', why: '' } : { ended: 'failed', why: `a stream without its end (${codeIn(text)})` };
}

/** Makes the call and receives the reply, or as much of it as the call says. Never throws. */
export async function send(door: Door, call: DemoCall): Promise<Sent> {
  const leave = new AbortController();
  try {
    const response = await fetch(urlOf(door, call), {
      method: 'POST',
      headers: { 'api-key': door.key, 'content-type': 'application/json' },
      body: JSON.stringify(bodyOf(call)),
      signal: AbortSignal.any([leave.signal, AbortSignal.timeout(timeoutMs)]),
    });
    if (!response.ok) return { ended: 'failed', why: `${response.status} ${codeIn(await response.text())}` };
    if (call.stream) return await readStream(response, call, leave);
    await response.text();
    return { ended: 'whole', why: '' };
  } catch (thrown) {
    if (leave.signal.aborted) return { ended: 'broken-off', why: '' };
    return { ended: 'failed', why: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

/** Makes the calls in order, the first one alone (a prompt cache knows nothing before it), then four at a time. */
export async function sendAll(
  door: Door,
  calls: readonly DemoCall[],
  onSent: (sent: Sent) => void,
): Promise<readonly Sent[]> {
  const results: Sent[] = [];
  const queue = [...calls];
  const work = async (): Promise<void> => {
    for (let call = queue.shift(); call !== undefined; call = queue.shift()) {
      const sent = await send(door, call);
      results.push(sent);
      onSent(sent);
    }
  };
  const first = queue.splice(0, 1);
  for (const call of first) {
    const sent = await send(door, call);
    results.push(sent);
    onSent(sent);
  }
  await Promise.all([work(), work(), work(), work()]);
  return results;
}
