import { z } from 'zod';

const count = z.number().int().nonnegative();

/** Which requests a fault is for; a request has to fit everything that is named. */
const matchSchema = z.strictObject({
  resource: z.string().optional(),
  deployment: z.string().optional().describe('As the caller named it.'),
  operation: z
    .enum([
      'chat.completions',
      'completions',
      'embeddings',
      'responses',
      'models.list',
      'models.retrieve',
      'responses.retrieve',
      'responses.delete',
      'responses.cancel',
      'responses.input_items',
      'conversations.create',
      'conversations.retrieve',
      'conversations.update',
      'conversations.delete',
      'conversations.items.create',
      'conversations.items.list',
      'conversations.items.retrieve',
      'conversations.items.delete',
      'files.create',
      'files.list',
      'files.retrieve',
      'files.delete',
      'files.content',
      'batches.create',
      'batches.list',
      'batches.retrieve',
      'batches.cancel',
    ])
    .optional(),
  stream: z.boolean().optional(),
  id: z.string().optional().describe('The `x-ms-client-request-id`.'),
  contains: z.string().optional().describe('A text that stands in the request body.'),
});

const common = {
  match: matchSchema.default({}),
  times: count.nullable().default(1).describe('How many requests it happens to; null: every one.'),
  skip: count.default(0).describe('How many fitting requests are left alone first.'),
  share: z.number().min(0).max(1).default(1).describe('Share of the fitting requests, drawn from the seed.'),
};

const afterEvents = count.default(1).describe('Events that are sent as they should be first.');
const header = z.union([z.string(), z.number()]);

export const faultSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('refuse'), ...common }).describe('The connection is reset before anything is done.'),
  z
    .strictObject({
      kind: z.literal('reset'),
      afterBytes: count.optional().describe('Bytes of the body that are sent first; without it, not even headers.'),
      how: z
        .enum(['reset', 'close'])
        .optional()
        .describe(
          'TCP reset, which may take bytes with it that were under way, or an early but orderly close, which does not. ' +
            'By default a reset before the first byte and a close after it.',
        ),
      ...common,
    })
    .describe('The connection breaks while the reply is sent.'),
  z
    .strictObject({
      kind: z.literal('stall'),
      afterBytes: count.default(0),
      ms: count.optional().describe('How long; without it, until released.'),
      ...common,
    })
    .describe('The reply stops and the connection stays open.'),
  z
    .strictObject({
      kind: z.literal('slow-first-byte'),
      ms: count.optional().describe('How long; without it, until released.'),
      after: z.enum(['nothing', 'headers']).default('nothing').describe('Whether the headers are held back too.'),
      ...common,
    })
    .describe('The first byte comes late.'),
  z
    .strictObject({
      kind: z.literal('status'),
      status: z.number().int().min(400).max(599),
      retryAfter: header.optional().describe('`retry-after`: seconds, or an HTTP date.'),
      retryAfterMs: header.optional().describe('`retry-after-ms`.'),
      headers: z.record(z.string(), z.string()).default({}),
      body: z.unknown().optional().describe('Instead of the body that the service sends with this status.'),
      ...common,
    })
    .describe('The request is refused; no token is used.'),
  z
    .strictObject({ kind: z.literal('headers'), headers: z.record(z.string(), z.string()), ...common })
    .describe('The reply, whatever it is, has these headers as well, or in the place of its own.'),
  z.strictObject({ kind: z.literal('content-type'), value: z.string().default('text/html'), ...common }),
  z.strictObject({ kind: z.literal('malformed-json'), afterEvents, ...common }).describe('JSON that breaks off.'),
  z.strictObject({ kind: z.literal('missing-usage'), ...common }),
  z.strictObject({ kind: z.literal('usage-with-choices'), ...common }).describe('Usage in the chunk of the finish.'),
  z
    .strictObject({
      kind: z.literal('split'),
      sizes: z.array(z.number().int().positive()).min(1).default([1]),
      ...common,
    })
    .describe('Bytes are sent in pieces of these sizes, in turn, wherever characters end.'),
  z.strictObject({ kind: z.literal('gzip'), ...common }).describe('Compressed, whatever was asked for.'),
  z.strictObject({ kind: z.literal('crlf'), ...common }).describe('Events are framed by CR LF.'),
  z
    .strictObject({ kind: z.literal('giant-event'), bytes: count.default(1_048_576), ...common })
    .describe('All text of a stream in one event of at least this size.'),
  z
    .strictObject({ kind: z.literal('large-events'), bytes: count.default(32_768), ...common })
    .describe('Every event of a stream is larger by so many bytes, in a member `padding`.'),
  z.strictObject({ kind: z.literal('trailing-bytes'), text: z.string().default(': after the end\n\n'), ...common }),
  z
    .strictObject({ kind: z.literal('error-event'), afterEvents, status: z.number().int().default(500), ...common })
    .describe('An error inside a stream, which ends there.'),
  z
    .strictObject({ kind: z.literal('early-end'), afterEvents, ...common })
    .describe('A stream ends without its end event.'),
]);

export type Fault = z.infer<typeof faultSchema>;
export type FaultKind = Fault['kind'];
export type FaultInput = z.input<typeof faultSchema>;
/** A fault of one kind. */
export type FaultOf<Kind extends FaultKind> = Extract<Fault, { kind: Kind }>;
