import { hashText } from '#kernel/random.ts';
import type { Recording } from '#replay/recording.ts';
import { deliverStream, deliverWhole } from './deliver.ts';
import type { Exchange } from './exchange.ts';
import { commonHeaders } from './headers.ts';
import { refusalAskedFor } from './refusal.ts';

/** Answers with a recording. The record takes the recording's own usage, whole even where the caller breaks off. */
export async function answerRecorded(exchange: Exchange, recording: Recording): Promise<void> {
  const { attempt, faults } = exchange;
  const refusal = refusalAskedFor(faults);
  if (refusal !== undefined) throw refusal;
  const { usage } = recording;
  attempt.inputTokens = usage.inputTokens;
  attempt.cachedInputTokens = usage.cachedInputTokens;
  const delivery = {
    headers: commonHeaders(exchange),
    promptTokens: usage.inputTokens,
    hash: hashText(recording.name),
  };
  const used = { output: usage.outputTokens, reasoning: usage.reasoningTokens };
  if (recording.body !== undefined) {
    await deliverWhole(exchange, { ...delivery, body: recording.body, used, status: recording.status });
    return;
  }
  attempt.outputTokens = used.output;
  attempt.reasoningTokens = used.reasoning;
  await deliverStream(exchange, { ...delivery, parts: recording.parts });
}
