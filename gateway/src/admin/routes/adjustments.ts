import {
  heldPageSchema,
  heldQuerySchema,
  rerateReplySchema,
  rerateRequestSchema,
  writeOffReplySchema,
  writeOffRequestSchema,
} from '@tollgate/contract/admin-api/adjustments.ts';
import { failures, invalid, json, pricesChanged, unready, type AdminApp } from '../app.ts';
import type { AdminDependencies } from '../ports.ts';

const tags = ['Accounting'];

/** Corrections of the ledger: nothing is edited, entries are added. */
export function adjustmentRoutes(app: AdminApp, { adjustments }: AdminDependencies): void {
  app.route({
    method: 'GET',
    url: '/ledger/held',
    schema: {
      operationId: 'listHeld',
      tags,
      summary: 'Attempts whose usage is not known',
      description:
        'They stay debited at their reservation until their usage is known or they are written off. Those that were ' +
        'written off are left out.',
      querystring: heldQuerySchema,
      response: { 200: json('One page.', heldPageSchema), ...invalid, ...failures, ...unready },
    },
    handler: ({ query }) => adjustments.held(query),
  });

  app.route({
    method: 'POST',
    url: '/ledger/write-off',
    schema: {
      operationId: 'writeOff',
      tags,
      summary: 'Write off what attempts of unknown usage hold',
      description:
        'Books an entry for each; what they used stays unknown, and is reported so. Named attempts are written off ' +
        'together or not at all. Of a period at most 500 are written off in one call: call again with `after`, until ' +
        '`next` is null.',
      body: writeOffRequestSchema,
      response: { 200: json('What was written off.', writeOffReplySchema), ...invalid, ...failures, ...unready },
    },
    handler: ({ body }) => adjustments.writeOff(body),
  });

  app.route({
    method: 'POST',
    url: '/ledger/rerate',
    schema: {
      operationId: 'rerate',
      tags,
      summary: 'Price attempts anew, by the price book in force',
      description:
        'Books a correction for each attempt that costs something else by the prices of now, on any layer; where it ' +
        'costs the same, nothing. Attempts of unknown usage stay as they are. At most 1000 are looked at in one call: ' +
        'call again with `after`, until `next` is null. What was booked stands whatever becomes of the rest, and ' +
        'beginning again changes nothing that is right already.',
      body: rerateRequestSchema,
      response: {
        200: json('What changed.', rerateReplySchema),
        ...invalid,
        ...pricesChanged,
        ...failures,
        ...unready,
      },
    },
    handler: ({ body }) => adjustments.rerate(body),
  });
}
