import { z } from 'zod';
import { healthStates } from './admin-api/routing.ts';

const count = z.number().int().nonnegative();

/** What happened at one endpoint in one interval. */
const simulatedEndpointSchema = z.object({
  attempts: count.describe('Calls that were sent to it.'),
  served: count.describe('Replies that began.'),
  throttled: count.describe('Calls that it refused with a time to wait.'),
  failed: count.describe('Calls that failed, broke off, or got no first byte in time.'),
  state: z.enum(healthStates).describe('At the end of the interval.'),
  utilization: z.number().nullable().describe('Of a provisioned deployment, at the end of the interval.'),
});

/** What clients saw in one interval. */
const simulatedClientsSchema = z.object({
  asked: count.describe('Calls that arrived.'),
  served: count.describe('Calls that got a whole reply.'),
  refused: count.describe('Calls whose prompt the content filter refused, or that were wrong themselves.'),
  throttled: count.describe('Calls that got 429.'),
  failed: count.describe('Calls that got an error: 5xx, or a reply that broke off.'),
  retried: count.describe('Calls that needed more than one attempt.'),
  waited: count.describe('Calls that were let go after they had waited for capacity.'),
  waiting: count.describe('Calls that wait at the end of the interval.'),
  hedged: count.describe('Calls that were sent to a second endpoint beside a slow one.'),
});

/** What a simulation of routing comes to: by interval, and by endpoint in the order of the script. */
export const simulationSchema = z.object({
  seed: z.number().describe('The same seed gives the same run.'),
  intervalMs: z.number().describe('What a row stands for.'),
  endpoints: z.array(z.string()).describe('Names, in the order in which rows have them.'),
  rows: z.array(
    z.object({
      fromMs: z.number().describe('When the interval begins.'),
      clients: simulatedClientsSchema,
      endpoints: z.array(simulatedEndpointSchema),
    }),
  ),
});
export type Simulation = z.infer<typeof simulationSchema>;
export type SimulatedClients = z.infer<typeof simulatedClientsSchema>;
