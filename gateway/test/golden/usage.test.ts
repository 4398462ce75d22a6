import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { parseEvent } from '#kernel/sse.ts';

import { feed, sizesFrom, type Fed } from './feed.ts';
import { goldenNames, readGolden } from './golden-files.ts';
import { fixtureReplies, recordedReplies, recordingsMissing, type RecordedReply } from './recordings.ts';

const skipRecordings = recordingsMissing === undefined ? {} : { skip: recordingsMissing };

/** Largest chunk sizes: bytes, cut words, cut events, several events at once. */
const largestChunks = [1, 7, 100, 3000];
const seed = 20_260_317;

describe('the usage that each of our own fixtures tells', () => checkAll(fixtureReplies()));
describe('the usage that each recording tells', skipRecordings, () => checkAll(recordedReplies()));

test('no golden reading is left without its recording', skipRecordings, () => {
  const known = new Set([...fixtureReplies(), ...recordedReplies()].map(({ name }) => name));
  assert.deepEqual(
    goldenNames().filter((name) => !known.has(name)),
    [],
  );
});

test('the recordings cover each served operation, streamed and not', skipRecordings, () => {
  const kinds = new Set(
    recordedReplies().map(({ operation, stream }) => `${operation} ${stream ? 'streamed' : 'whole'}`),
  );
  assert.deepEqual([...kinds].toSorted(), [
    'chat.completions streamed',
    'chat.completions whole',
    'completions streamed',
    'completions whole',
    'embeddings whole',
    'responses streamed',
    'responses whole',
  ]);
});

function checkAll(replies: readonly RecordedReply[]): void {
  for (const reply of replies) {
    test(`${reply.name}: reads as its golden file says`, () => {
      assert.deepEqual(feed(reply, { clientWantsUsage: true }).reading, readGolden(reply.name));
    });

    test(`${reply.name}: reads and passes on the same however it is cut (seed ${seed})`, () => {
      for (const clientWantsUsage of [true, false]) {
        const whole = feed(reply, { clientWantsUsage });
        for (const largest of largestChunks) {
          const cut = feed(reply, { clientWantsUsage, sizes: sizesFrom(seed + largest, largest) });
          assert.deepEqual(cut.reading, whole.reading);
          assert.equal(cut.terminal, whole.terminal);
          if (clientWantsUsage) assertSameBytes([cut.forwarded, cut.held], [reply.bytes]);
          else assert.deepEqual(eventsOf(sentBy(cut)), eventsOf(sentBy(whole)));
        }
      }
    });

    test(`${reply.name}: tells the client that it is over only after the settle`, () => {
      for (const largest of largestChunks) {
        const { forwarded, held, terminal } = feed(reply, { clientWantsUsage: false, sizes: sizesFrom(seed, largest) });
        if (!reply.stream) assert.ok(held.length > 0);
        else if (terminal) assert.ok(held.length > 0 && !eventsOf(forwarded).some(isTerminal));
      }
    });

    if (reply.stream) {
      test(`${reply.name}: a client that has not asked for usage gets every event but for it`, () => {
        const sent = sentBy(feed(reply, { clientWantsUsage: false }));
        const expected = eventsOf(reply.bytes)
          .map(withoutChunkUsage)
          .filter((data) => data !== undefined);
        assert.deepEqual(eventsOf(sent).map(parsed), expected);
      });
    }
  }
}

function assertSameBytes(actual: readonly Buffer[], expected: readonly Buffer[]): void {
  // Compared as bytes, shown as text.
  if (Buffer.concat(actual).equals(Buffer.concat(expected))) return;
  assert.equal(Buffer.concat(actual).toString('latin1'), Buffer.concat(expected).toString('latin1'));
}

function sentBy({ forwarded, held }: Fed): Buffer {
  return Buffer.concat([forwarded, held]);
}

/** The data of each event, found in another way than the tap does. */
function eventsOf(stream: Buffer): string[] {
  return stream
    .toString('utf8')
    .split(/(?:\r\n\r\n|\n\n|\r\r)/u)
    .map((event) => parseEvent(Buffer.from(event)).data)
    .filter((data) => data !== '');
}

function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}

/** What a client may see of an event that has not asked for usage; undefined: nothing. */
function withoutChunkUsage(data: string): unknown {
  const event = parsed(data);
  if (!isChunk(event) || typeof event.usage !== 'object' || event.usage === null) return event;
  const { usage: _, ...rest } = event;
  return event.choices.length === 0 ? undefined : rest;
}

function isChunk(event: unknown): event is { choices: readonly unknown[]; usage?: unknown } {
  return typeof event === 'object' && event !== null && 'choices' in event && Array.isArray(event.choices);
}

function isTerminal(data: string): boolean {
  return data === '[DONE]' || /^\{[^]*"type":"response\.(?:completed|incomplete|failed)"(?:,|\})/u.test(data);
}
