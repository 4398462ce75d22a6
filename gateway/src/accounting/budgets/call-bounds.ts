import { isJsonObject, type Json, type JsonObject } from '#kernel/json.ts';
import type { Admission } from '#model/admission.ts';
import { choicesOf, outputCaps, promptsOf, silentCompletionTokens } from '#model/asked-output.ts';

/** What one attempt of a call can use at most, whichever endpoint serves it. */
export interface CallBounds {
  /** From the bytes of the body; no text has more tokens than bytes. */
  readonly input: number;
  /** What the input would be with this many tokens counted in its texts; never above `input`. */
  readonly inputWith: (counted: number) => number;
  readonly output: number;
  /** Calls of tools that the provider charges by the call. */
  readonly toolCalls: Readonly<Record<string, number>>;
  /** Sound goes in or comes out, which is priced by itself. */
  readonly audio: boolean;
  readonly images: boolean;
}

/** What would have to be known, and is not. */
export interface Unbounded {
  readonly param: string | null;
  readonly message: string;
}

/**
 * What providers put around messages, tools and prompts is not published; these are several times what has been seen
 * (https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken: 3 a message, some 10 a tool).
 */
const framing = { request: 64, message: 16, tool: 32 } as const;

/**
 * More than any published model takes for one picture: 8 tiles of gpt-4o-mini are 48,169 tokens, 10,000 patches of
 * gpt-5.4-nano 24,600. Source: https://developers.openai.com/api/docs/guides/images-vision, costs.
 */
const mostImageTokens = 50_000;

/** Members whose text is counted by the tokenizer as it will not stand in the prompt: they count by their bytes. */
const schemaMembers = ['tools', 'functions', 'response_format', 'text'] as const;

/** Of the Responses API: what runs at the client, or is a definition only. Everything else runs at the provider. */
const clientTools: ReadonlySet<Json | undefined> = new Set(['function', 'custom', 'local_shell', 'apply_patch']);

/** Each of them makes something that is charged beside the tokens of the call. */
const unboundedTools: ReadonlySet<Json | undefined> = new Set(['image_generation', 'image_generation_preview']);

const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);
const listOf = (value: Json | undefined): readonly Json[] => (isList(value) ? value : []);

/** What the body holds that is no text of its own, and where it refers to something outside. */
class Survey {
  images = 0;
  imageBytes = 0;
  audio = false;
  outside = false;

  items(value: Json | undefined): void {
    for (const item of listOf(value)) {
      if (!isJsonObject(item)) continue;
      const type = item['type'];
      if (type === 'item_reference') this.outside = true;
      else this.part(item);
      if (isList(item['content'])) this.items(item['content']);
      if (isList(item['output'])) this.items(item['output']);
    }
  }

  part(part: JsonObject): void {
    const type = part['type'];
    if (type === 'image_url' || type === 'input_image') this.#image(part);
    // A computer's screen, as the client saw it.
    else if (type === 'computer_call_output') this.#image(isJsonObject(part['output']) ? part['output'] : part);
    else if (type === 'input_audio') this.audio = true;
    // A document becomes text and pictures of its pages, which its bytes do not bound.
    else if (type === 'file' || type === 'input_file') this.outside = true;
  }

  #image(part: JsonObject): void {
    this.images += 1;
    const given = part['image_url'];
    const url = isJsonObject(given) ? given['url'] : given;
    if (typeof url === 'string') this.imageBytes += url.length;
    if (typeof part['file_id'] === 'string') this.outside = true;
  }
}

function refersOutside(json: JsonObject): boolean {
  return (
    given(json['previous_response_id']) ||
    given(json['conversation']) ||
    isJsonObject(json['prompt']) ||
    given(json['data_sources']) ||
    given(json['dataSources']) ||
    given(json['web_search_options'])
  );
}

const given = (value: Json | undefined): boolean => value !== undefined && value !== null;

/** The output cap of each choice that goes upstream: what the product set, what the call names, or the model's own. */
function outputOfEach({ exchange, edits, route }: Admission): number | Unbounded {
  const names = outputCaps[exchange.operation];
  if (names.length === 0) return 0;
  let most: number | undefined;
  for (const name of names) {
    const edited = edits.get(name);
    const value = edited === undefined ? exchange.body.json[name] : Number(edited);
    if (typeof value === 'number') most = Math.max(most ?? 0, value);
  }
  if (most !== undefined) return most;
  if (exchange.operation === 'completions') return silentCompletionTokens;
  const [param = null] = names;
  return route.maxOutput ?? { param, message: `This model has no published limit of its output: send '${param}'.` };
}

interface Hosted {
  /** How often the model may run again with what a tool brought. */
  readonly rounds: number;
  readonly toolCalls: Readonly<Record<string, number>>;
}

const noHosted: Hosted = { rounds: 0, toolCalls: {} };

function hostedToolsOf({ exchange }: Admission): Hosted | Unbounded {
  const { json } = exchange.body;
  if (exchange.operation === 'chat.completions')
    return given(json['web_search_options']) ? { rounds: 1, toolCalls: { web_search: 1 } } : noHosted;
  if (exchange.operation !== 'responses') return noHosted;
  const types = listOf(json['tools']).flatMap((tool) => (isJsonObject(tool) ? [tool['type']] : []));
  const hosted = types.filter((type) => !clientTools.has(type));
  if (hosted.length === 0) return noHosted;
  if (hosted.some((type) => unboundedTools.has(type)))
    return { param: 'tools', message: 'What pictures made by a tool cost is not bounded by anything in the call.' };
  const most = json['max_tool_calls'];
  if (typeof most !== 'number' || !Number.isSafeInteger(most) || most < 0)
    return {
      param: 'max_tool_calls',
      message: "Tools that the provider runs are bounded by 'max_tool_calls': send it.",
    };
  const charged = hosted.flatMap((type) => (typeof type === 'string' ? [[chargedName(type), most] as const] : []));
  return { rounds: most, toolCalls: Object.fromEntries(charged) };
}

/** `web_search_preview`, `web_search_2025_08_26` -> `web_search`, as usage names them. */
function chargedName(type: string): string {
  return type.replace(/_preview.*$/, '').replace(/_\d{4}_\d{2}_\d{2}$/, '');
}

/** MCP servers and computers are charged by their tokens alone. */
const freeTools: ReadonlySet<string> = new Set(['mcp', 'computer_use', 'computer', 'tool_search', 'namespace']);

function paidOf(toolCalls: Hosted['toolCalls']): Hosted['toolCalls'] {
  return Object.fromEntries(Object.entries(toolCalls).filter(([name]) => !freeTools.has(name)));
}

function framingOf(json: JsonObject, prompts: number): number {
  const messages = listOf(json['messages']).length + (isList(json['input']) ? json['input'].length : 1) + prompts;
  const tools = listOf(json['tools']).length + listOf(json['functions']).length;
  return framing.request + framing.message * messages + framing.tool * tools;
}

/** Bounds a call, or says what is missing for that. Reads what `call-caps` has found to be well-formed. */
export function boundsOf(admission: Admission): CallBounds | Unbounded {
  const { exchange, route } = admission;
  const { bytes, json, spans } = exchange.body;
  const each = outputOfEach(admission);
  if (typeof each !== 'number') return each;
  const hosted = hostedToolsOf(admission);
  if ('message' in hosted) return hosted;
  const survey = new Survey();
  survey.items(json['messages']);
  survey.items(json['input']);
  const outside = survey.outside || refersOutside(json) || hosted.rounds > 0;
  if (outside && route.maxInput === null)
    return {
      param: 'model',
      message: 'The call refers to something outside it, and its model has no published limit.',
    };

  const around = framingOf(json, promptsOf(exchange)) + survey.images * mostImageTokens;
  const most = (tokens: number): number =>
    (route.maxInput === null ? tokens : Math.min(tokens, route.maxInput)) * (hosted.rounds + 1);
  const input = outside ? most(Number.POSITIVE_INFINITY) : most(bytes.length - survey.imageBytes + around);
  const schemas = schemaMembers.reduce((sum, name) => {
    const span = spans.get(name);
    return span === undefined ? sum : sum + span.end - span.start;
  }, 0);
  const predicted = spans.get('prediction');
  // A prediction that was not used is charged as output.
  const output = each + (predicted === undefined ? 0 : predicted.end - predicted.start);
  return {
    input,
    // What stands outside the call is not in what was counted of it.
    inputWith: (counted) => (outside ? input : Math.min(input, most(counted + schemas + around))),
    output: output * choicesOf(exchange) * (hosted.rounds + 1),
    toolCalls: hosted === noHosted ? hosted.toolCalls : paidOf(hosted.toolCalls),
    audio: survey.audio || given(json['audio']) || listOf(json['modalities']).includes('audio'),
    images: survey.images > 0,
  };
}
