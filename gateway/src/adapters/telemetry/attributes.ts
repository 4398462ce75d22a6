/** Which of the two spans has it: that of a call to the gateway (`call`), or that of a call to an upstream (`attempt`). */
interface Described {
  readonly on: 'call' | 'attempt' | 'both';
  readonly says: string;
}

/**
 * Every attribute that a span can have. What is unknown is left out, never 0. By the semantic conventions of OpenTelemetry for
 * HTTP and for generative AI, and ours under `tollgate.`. docs/reference/telemetry.md is made of it.
 */
export const spanAttributes = {
  'http.request.method': { on: 'both', says: 'The method.' },
  'http.response.status_code': {
    on: 'both',
    says: 'The status; 499 where the client had gone before it saw one. Absent where no reply came.',
  },
  'http.route': { on: 'call', says: 'The path of the operation, with names in the place of names and ids.' },
  'url.scheme': { on: 'call', says: '`http`: TLS ends before the gateway.' },
  'url.full': { on: 'attempt', says: 'Where it was sent, without its query.' },
  'http.request.resend_count': { on: 'attempt', says: 'How many attempts of the call went before it.' },
  'server.address': { on: 'attempt', says: 'The host of the resource: what an application map shows.' },
  'server.port': { on: 'attempt', says: 'Its port.' },
  'error.type': {
    on: 'both',
    says: "A call: Tollgate's error, also one that came after the status. An attempt: the status from 400 on, or `timed-out`, `upstream-broke`.",
  },
  'gen_ai.operation.name': { on: 'both', says: '`chat` (also for Responses), `text_completion`, `embeddings`.' },
  'gen_ai.provider.name': { on: 'both', says: '`azure.ai.openai`.' },
  'gen_ai.request.model': {
    on: 'both',
    says: 'A call: the name that the client used. An attempt: the model of the deployment.',
  },
  'gen_ai.request.stream': { on: 'both', says: 'Present and true where the reply is streamed.' },
  'gen_ai.response.model': { on: 'attempt', says: 'The model that the reply names.' },
  'gen_ai.response.time_to_first_chunk': {
    on: 'attempt',
    says: 'Streamed: seconds from sending to the first byte of the reply.',
  },
  'gen_ai.usage.input_tokens': { on: 'attempt', says: 'Input tokens.' },
  'gen_ai.usage.cache_read.input_tokens': { on: 'attempt', says: 'Of these, read from the cache.' },
  'gen_ai.usage.cache_creation.input_tokens': { on: 'attempt', says: 'Of these, written to the cache.' },
  'gen_ai.usage.output_tokens': { on: 'attempt', says: 'Output tokens.' },
  'gen_ai.usage.reasoning.output_tokens': { on: 'attempt', says: 'Of these, for reasoning.' },
  'openai.api.type': { on: 'both', says: '`chat_completions` or `responses`.' },
  'openai.response.service_tier': { on: 'attempt', says: 'The tier that the reply names.' },
  'tollgate.request_id': {
    on: 'call',
    says: 'The `x-request-id` of the answer, which log lines and records have, too.',
  },
  'tollgate.operation': { on: 'call', says: "Tollgate's name of the operation." },
  'tollgate.subscription': { on: 'call', says: 'Whose key or token it was.' },
  'tollgate.product': { on: 'call', says: 'The product of the subscription.' },
  'tollgate.consumer': { on: 'call', says: 'The consumer of the subscription.' },
  'tollgate.cost_centre': { on: 'call', says: 'Who is charged, from the organisation down.' },
  'tollgate.waited_ms': { on: 'call', says: 'How long it waited for capacity, where it did.' },
  'tollgate.attempts': { on: 'call', says: 'How many attempts were made.' },
  'tollgate.record_id': { on: 'attempt', says: 'The usage record in the ledger.' },
  'tollgate.attempt': { on: 'attempt', says: '1 for the first of the call.' },
  'tollgate.endpoint': { on: 'attempt', says: 'The endpoint of the configuration.' },
  'tollgate.resource': { on: 'attempt', says: 'The Azure OpenAI resource.' },
  'tollgate.region': { on: 'attempt', says: 'Its region.' },
  'tollgate.deployment': { on: 'attempt', says: 'The deployment that served.' },
  'tollgate.deployment_type': { on: 'attempt', says: 'Its type.' },
  'tollgate.model_version': { on: 'attempt', says: 'The version of its model.' },
  'tollgate.outcome': { on: 'attempt', says: 'How it ended, by the word of its record.' },
  'tollgate.measured_input': { on: 'attempt', says: 'How the input tokens are known: `reported`, `tokenized`, …' },
  'tollgate.measured_output': { on: 'attempt', says: 'How the output tokens are known: `reported`, `delivered`, …' },
  'tollgate.cost_usd': { on: 'attempt', says: 'Its cost, a decimal text; absent where it has no price.' },
  'tollgate.price_book': { on: 'attempt', says: 'The prices that it was settled with.' },
  'tollgate.spilled_from': { on: 'attempt', says: "Azure's own spillover: the deployment that was asked." },
  'tollgate.upstream_request_id': { on: 'attempt', says: "Azure's id of the call, for its support." },
} as const satisfies Readonly<Record<string, Described>>;

export type SpanAttribute = keyof typeof spanAttributes;
