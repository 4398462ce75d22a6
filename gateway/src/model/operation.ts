/** The metered operations, by the names that OpenTelemetry's and OpenAI's references use. */
export type MeteredOperation = 'chat.completions' | 'completions' | 'embeddings' | 'responses';

export type Operation = MeteredOperation | 'models.list' | 'models.retrieve';

/** `classic`: `/openai/deployments/{deployment}/…?api-version=`; `v1`: `/openai/v1/…` and `/v1/…`. */
export type Surface = 'classic' | 'v1';
