import type { Piece, Tokenizer } from '#generation/tokenizer.ts';
import { valueFor } from '#generation/values.ts';
import { cut, sum, textOf, type Said, type Words } from '#generation/words.ts';
import { mix, seededRandom, wholeBetween, type RandomSource } from '#kernel/random.ts';
import type { Ask, FunctionTool, Markers } from './ask.ts';
import type { Deployment } from './estate.ts';
import type { Framing } from './framing.ts';

type Finish = 'stop' | 'length' | 'tool_calls' | 'content_filter';

interface ToolCall {
  readonly name: string;
  /** Tokens of the name and of what is put around a call. */
  readonly headTokens: number;
  readonly arguments: readonly Piece[];
}

/** One reply of the model. It has text or tool calls; a refusal is text that is sent as such. */
export interface Choice {
  /** Which prompt it answers, and its index among all choices. */
  readonly prompt: number;
  readonly index: number;
  readonly pieces: readonly Piece[];
  readonly calls: readonly ToolCall[];
  readonly refusal: boolean;
  readonly finish: Finish;
  /** Tokens of what is shown, without reasoning. */
  readonly tokens: number;
}

export interface Generation {
  readonly choices: readonly Choice[];
  readonly reasoningTokens: number;
  /** Everything that was generated: reasoning, what is shown, and choices that were dropped (`best_of`). */
  readonly outputTokens: number;
}

export interface Generator {
  readonly tokenizer: Tokenizer;
  readonly words: Words;
  readonly framing: Framing;
  readonly seed: number;
}

/** Reasoning tokens by effort: the most that a reply may begin with. */
const reasoningMost: Readonly<Record<string, number>> = { low: 32, medium: 96, high: 256, xhigh: 640 };
const unlimited = Number.MAX_SAFE_INTEGER;

/** Decides the whole reply before its first byte is sent. The same seed and prompt give the same reply. */
export function generate(
  ask: Ask,
  given: {
    readonly generator: Generator;
    readonly deployment: Deployment;
    readonly markers: Markers;
    readonly hashes: readonly number[];
  },
): Generation {
  const { generator, deployment } = given;
  const first = seededRandom(mix(generator.seed, given.hashes[0] ?? 0));
  const limit = ask.outputLimit ?? unlimited;
  const perChoice = reasoningPerChoice(ask, { deployment, random: first, limit });
  const choices: Choice[] = [];
  let outputTokens = 0;
  given.hashes.forEach((hash, prompt) => {
    for (let turn = 0; turn < ask.generated; turn += 1) {
      const random = seededRandom(mix(mix(generator.seed, hash), turn + 1));
      const index = prompt * ask.shown + turn;
      const choice = makeChoice(ask, { ...given, random, limit: limit - perChoice, prompt, index });
      outputTokens += perChoice + choice.tokens;
      if (turn < ask.shown) choices.push(choice);
    }
  });
  return {
    choices,
    reasoningTokens: perChoice * ask.generated * given.hashes.length,
    outputTokens,
  };
}

/** At most half of the limit: a reply always shows something. */
function reasoningPerChoice(
  ask: Ask,
  given: { readonly deployment: Deployment; readonly random: RandomSource; readonly limit: number },
): number {
  if (!given.deployment.reasons) return 0;
  const effort = ask.effort ?? given.deployment.config.reasoningEffort ?? 'medium';
  const most = reasoningMost[effort];
  if (most === undefined) return 0;
  return Math.min(wholeBetween(given.random, Math.ceil(most / 4), most), Math.floor(given.limit / 2));
}

interface Making {
  readonly generator: Generator;
  readonly deployment: Deployment;
  readonly markers: Markers;
  readonly random: RandomSource;
  readonly limit: number;
  readonly prompt: number;
  readonly index: number;
}

function makeChoice(ask: Ask, making: Making): Choice {
  const place = { prompt: making.prompt, index: making.index };
  const tools = toolsToCall(ask, making.markers);
  if (tools.length > 0) return { ...place, ...callTools(ask, { tools, making }), pieces: [], refusal: false };
  const said = stopped(saying(ask, making), ask.stops);
  const filtered = making.markers.filterCompletion && making.deployment.config.contentFilter !== 'off';
  const shown = filtered ? { ...cut(said.pieces, Math.ceil(said.tokens / 2)), finished: true } : said;
  const natural = shown.finished ? 'stop' : 'length';
  return {
    ...place,
    pieces: shown.pieces,
    calls: [],
    refusal: making.markers.refuse,
    finish: filtered ? 'content_filter' : natural,
    tokens: shown.tokens,
  };
}

/** What the reply says, within the limit. */
function saying(ask: Ask, making: Making): Said {
  const { generator, random, limit, markers } = making;
  const given = markers.say ?? jsonText(ask, random);
  if (given !== undefined) {
    const pieces = generator.tokenizer.pieces(given);
    const tokens = sum(pieces);
    return tokens <= limit ? { pieces, tokens, finished: true } : cut(pieces, limit);
  }
  if (markers.tokens !== undefined) {
    const tokens = Math.min(markers.tokens, limit);
    const long = generator.words.say(random, { wanted: tokens, limit: tokens });
    return { ...long, finished: markers.tokens <= limit };
  }
  const { least, most } = making.deployment.config.replyTokens;
  return generator.words.say(random, { wanted: wholeBetween(random, least, Math.max(least, most)), limit });
}

function jsonText(ask: Ask, random: RandomSource): string | undefined {
  if (ask.format.kind === 'text') return undefined;
  const { schema } = ask.format;
  return JSON.stringify(schema === undefined ? { answer: 'Zürich', certain: true } : valueFor(schema, random));
}

/** Text up to the first stop sequence; the tokens up to and with the piece that completed it were generated. */
function stopped(said: Said, stops: readonly string[]): Said {
  if (stops.length === 0) return said;
  let text = '';
  let tokens = 0;
  for (const [at, piece] of said.pieces.entries()) {
    const before = text.length;
    text += piece.text;
    tokens += piece.tokens;
    const found = stops.map((stop) => text.indexOf(stop)).filter((position) => position >= 0);
    if (found.length === 0) continue;
    const end = Math.min(...found);
    return {
      pieces: upTo(said.pieces.slice(0, at + 1), { end, before, tokens: piece.tokens }),
      tokens,
      finished: true,
    };
  }
  return said;
}

/** Cuts the shown text at `end`; the last piece keeps its tokens, because they were generated. */
function upTo(
  pieces: readonly Piece[],
  at: { readonly end: number; readonly before: number; readonly tokens: number },
): Piece[] {
  if (at.end >= at.before)
    return [...pieces.slice(0, -1), { text: textOf(pieces).slice(at.before, at.end), tokens: at.tokens }];
  return [{ text: textOf(pieces).slice(0, at.end), tokens: sum(pieces) }];
}

/** Which tools the model "decides" to call. */
function toolsToCall(ask: Ask, markers: Markers): readonly FunctionTool[] {
  const { tools, toolChoice } = ask;
  if (typeof toolChoice === 'object') return tools.filter((tool) => tool.name === toolChoice.named);
  if (toolChoice === 'none' || (toolChoice === 'auto' && markers.callTools === 'none')) return [];
  const parallel = markers.callTools === 'all' && ask.body['parallel_tool_calls'] !== false;
  return parallel ? tools : tools.slice(0, 1);
}

function callTools(
  ask: Ask,
  given: { readonly tools: readonly FunctionTool[]; readonly making: Making },
): Pick<Choice, 'calls' | 'finish' | 'tokens'> {
  const { tokenizer, framing } = given.making.generator;
  const calls: ToolCall[] = [];
  let left = given.making.limit;
  let finished = true;
  for (const tool of given.tools) {
    const headTokens = framing.perCall + tokenizer.count(tool.name);
    if (headTokens > left) {
      finished = false;
      break;
    }
    const pieces = tokenizer.pieces(JSON.stringify(valueFor(tool.parameters, given.making.random)));
    const fitting = within(pieces, left - headTokens);
    calls.push({ name: tool.name, headTokens, arguments: fitting });
    left -= headTokens + sum(fitting);
    finished = fitting.length === pieces.length;
    if (!finished) break;
  }
  // Where the caller forced one function, the service says `stop`.
  const natural = typeof ask.toolChoice === 'object' ? 'stop' : 'tool_calls';
  const tokens = calls.reduce((total, call) => total + call.headTokens + sum(call.arguments), 0);
  return { calls, tokens, finish: finished ? natural : 'length' };
}

function within(pieces: readonly Piece[], limit: number): readonly Piece[] {
  let tokens = 0;
  const end = pieces.findIndex((piece) => {
    tokens += piece.tokens;
    return tokens > limit;
  });
  return end < 0 ? pieces : pieces.slice(0, end);
}
