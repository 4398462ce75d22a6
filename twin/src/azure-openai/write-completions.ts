import type { JsonObject } from '#kernel/json.ts';
import { interleaved } from './write-chat.ts';
import type { StreamPart, StreamShape } from '#wire/stream-part.ts';
import { completionResults, promptFilterResults } from './filter.ts';
import type { Choice } from './generate.ts';
import { completionUsage, textOfChoice, type ReplyFacts } from './reply.ts';

/** The unstreamed reply of a text completion; `usage` undefined leaves it out. */
export function completionReply(facts: ReplyFacts, usage: JsonObject | undefined): JsonObject {
  const filtering = facts.deployment.config.contentFilter !== 'off';
  return {
    choices: facts.generation.choices.map((choice) => ({
      text: choice.finish === 'content_filter' ? '' : textOfChoice(choice),
      index: choice.index,
      logprobs: null,
      finish_reason: choice.finish,
      ...(filtering ? { content_filter_results: completionResults(choice.finish === 'content_filter') } : {}),
    })),
    created: facts.created,
    id: facts.ids.named('cmpl-'),
    model: facts.deployment.reportedModel,
    object: 'text_completion',
    ...(filtering ? { prompt_filter_results: promptFilterResults(facts.ask.prompts.length) } : {}),
    ...(usage === undefined ? {} : { usage }),
  };
}

/** The events of a streamed text completion. */
export function* completionStream(facts: ReplyFacts, shape: StreamShape): Generator<StreamPart> {
  const { ask, generation } = facts;
  const head = `{"id":"${facts.ids.named('cmpl-')}","object":"text_completion","created":${facts.created},"model":${JSON.stringify(facts.deployment.reportedModel)}`;
  const event = (rest: string, tokens = 0): StreamPart => ({ data: `${head}${rest}`, tokens, reasoning: 0 });
  const nullUsage = ask.includeUsage ? ',"usage":null}' : '}';
  if (facts.deployment.config.contentFilter !== 'off')
    yield event(
      `,"choices":[],"prompt_filter_results":${JSON.stringify(promptFilterResults(ask.prompts.length))}${nullUsage}`,
    );
  function* body(choice: Choice): Generator<StreamPart> {
    if (shape.giantBytes !== undefined) {
      const padded = `,"obfuscation":"${'x'.repeat(shape.giantBytes)}"${nullUsage}`;
      yield event(`${text(choice, textOfChoice(choice), 'null')}${padded}`, choice.tokens);
      return;
    }
    for (const piece of choice.pieces) yield event(`${text(choice, piece.text, 'null')}${nullUsage}`, piece.tokens);
  }
  yield* interleaved(generation.choices.map(body));
  const usage = `,"usage":${JSON.stringify(completionUsage(facts))}}`;
  const reported = ask.includeUsage && !generation.choices.some((choice) => choice.finish === 'content_filter');
  for (const choice of generation.choices) {
    const withUsage = reported && shape.usage === 'with-choices' && choice === generation.choices.at(-1);
    yield event(`${text(choice, '', JSON.stringify(choice.finish))}${withUsage ? usage : nullUsage}`);
  }
  if (reported && shape.usage === 'reported') yield event(`,"choices":[]${usage}`);
  yield { data: '[DONE]', tokens: 0, reasoning: 0 };
}

function text(choice: Choice, said: string, finish: string): string {
  return `,"choices":[{"text":${JSON.stringify(said)},"index":${choice.index},"logprobs":null,"finish_reason":${finish}}]`;
}
