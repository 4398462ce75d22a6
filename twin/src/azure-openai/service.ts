import type { IncomingMessage, ServerResponse } from 'node:http';
import { faultSchema } from '#faults/fault.ts';
import { FaultSet, noFaults } from '#faults/faults.ts';
import { parseJson, parseJsonObject, textAt, type JsonObject } from '#kernel/json.ts';
import { Attempt } from '#record/attempt.ts';
import { recordingNamed } from '#replay/recordings.ts';
import { readBody } from '#wire/body.ts';
import { Caller } from '#wire/caller.ts';
import { checkApiVersion, checkCredentials, deploymentFor, resourceFor } from './admit.ts';
import { answerCall } from './answer.ts';
import type { Operation } from './ask.ts';
import { deliverWhole, refuse } from './deliver.ts';
import type { Exchange, World } from './exchange.ts';
import { commonHeaders } from './headers.ts';
import { listModels, retrieveModel } from './models.ts';
import { invalid, Refusal, refusalAskedFor } from './refusal.ts';
import { answerRecorded } from './replayed.ts';
import { routeOf } from './route.ts';
import { answerStored } from './stored.ts';

/** The deployment that stands for the replay folder. */
const replayDeployment = 'replay';

/** Azure OpenAI as the twin plays it: chat completions, completions, embeddings, Responses, models. */
export class AzureOpenAi {
  private readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  /** Answers a request; false where it is not for this service. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const route = routeOf(request.url ?? '/', request.method);
    if (route === undefined) return false;
    const exchange = this.begin({ request, response, route });
    try {
      await this.answer(exchange);
    } catch (thrown) {
      await refuse(exchange, thrown instanceof Refusal ? thrown : internal(thrown));
    } finally {
      this.world.book.end(exchange.attempt);
    }
    return true;
  }

  private begin(given: Pick<Exchange, 'request' | 'response' | 'route'>): Exchange {
    const { world } = this;
    const header = given.request.headers['x-ms-client-request-id'];
    const callerId = typeof header === 'string' && header !== '' ? header : undefined;
    const attempt = new Attempt(callerId ?? world.ids.uuid(), world.clock.now());
    attempt.operation = given.route.operation;
    attempt.resource = given.route.resource ?? world.estate.first?.name ?? '';
    attempt.deployment = given.route.deployment ?? given.route.model ?? '';
    const { traceparent } = given.request.headers;
    if (typeof traceparent === 'string') attempt.traceparent = traceparent;
    // Lists of models generate nothing: only calls of a model are attempts.
    if (given.route.method === 'POST' && given.route.stored === undefined) world.book.begin(attempt);
    return {
      ...given,
      world,
      ids: world.ids,
      caller: new Caller(given.response, world.clock),
      attempt,
      callerId,
      resource: undefined,
      faults: noFaults,
      spilledBecause: 0,
    };
  }

  private async answer(exchange: Exchange): Promise<void> {
    const { request, route, world, attempt } = exchange;
    if (request.method !== route.method)
      throw new Refusal(405, { code: '405', message: 'Method not allowed' }, { allow: route.method });
    const resource = resourceFor(route, world.estate);
    exchange.resource = resource;
    checkCredentials(request.headers, { key: resource.key, route, takesToken: this.world.takesToken });
    checkApiVersion(route);
    const bodyText = route.method === 'POST' ? await readBody(request) : '';
    if (bodyText === undefined) throw new Refusal(413, { code: '413', message: 'The request body is too large.' });
    const body = route.method === 'POST' && route.stored === undefined ? bodyOf(bodyText) : {};
    attempt.stream = body['stream'] === true;
    if (attempt.deployment === '') attempt.deployment = textAt(body, 'model') ?? '';
    exchange.faults = this.faultsFor(exchange, bodyText);
    if (exchange.faults.has('refuse')) {
      world.book.end(attempt);
      request.socket.resetAndDestroy();
      return;
    }
    if (route.stored !== undefined) await answerStored(exchange, bodyText);
    else if (route.method === 'GET') await this.answerModels(exchange);
    else await this.answerPost(exchange, body);
  }

  private async answerPost(exchange: Exchange, body: JsonObject): Promise<void> {
    const { attempt, world, route } = exchange;
    const { recordings } = world;
    const queued = recordings?.takeQueued();
    if (queued !== undefined) return answerRecorded(exchange, await queued);
    if (recordings !== undefined && attempt.deployment === replayDeployment) {
      const name = recordingNamed(body);
      const found = name === undefined ? undefined : recordings.find(name, attempt.stream);
      if (found === undefined) throw invalid('The replay folder holds no recording of this name.', { param: 'replay' });
      return answerRecorded(exchange, await found);
    }
    if (attempt.deployment === '') throw invalid('you must provide a model parameter', { param: 'model' });
    if (exchange.resource === undefined || !isCall(route.operation)) return;
    const deployment = deploymentFor(exchange.resource, {
      name: attempt.deployment,
      operation: route.operation,
      strict: world.strict,
    });
    await answerCall(exchange, { body, deployment });
  }

  private async answerModels(exchange: Exchange): Promise<void> {
    const { route, resource, faults } = exchange;
    if (resource === undefined) return;
    const refusal = refusalAskedFor(faults);
    if (refusal !== undefined) throw refusal;
    const body =
      route.model === undefined
        ? listModels(resource, route.surface)
        : retrieveModel(resource, { model: route.model, surface: route.surface });
    await deliverWhole(exchange, {
      headers: commonHeaders(exchange),
      promptTokens: 0,
      hash: 0,
      body: JSON.stringify(body),
      used: { output: 0, reasoning: 0 },
    });
  }

  private faultsFor(exchange: Exchange, bodyText: string): FaultSet {
    const { world, attempt, request } = exchange;
    const asked = request.headers['x-twin-fault'];
    const subject = {
      resource: attempt.resource,
      deployment: attempt.deployment,
      operation: attempt.operation,
      stream: attempt.stream,
      id: attempt.id,
      bodyText,
    };
    const faults = world.faults.take(subject);
    if (typeof asked !== 'string') return faults;
    const fault = faultSchema.safeParse(parseJson(asked));
    if (!fault.success) throw invalid('The header x-twin-fault holds no fault.', { param: 'x-twin-fault' });
    const own = faults === noFaults ? new FaultSet() : faults;
    own.add(fault.data);
    return own;
  }
}

type CallOperation = Parameters<typeof deploymentFor>[1]['operation'];
const callOperations: readonly Operation[] = ['chat.completions', 'completions', 'embeddings', 'responses'];

/** Whether a model is called. */
function isCall(operation: Operation): operation is CallOperation {
  return callOperations.includes(operation);
}

function bodyOf(text: string): JsonObject {
  const body = parseJsonObject(text);
  if (body === undefined) throw invalid('The body of the request is not a JSON object.');
  return body;
}

/** A defect of the twin's own: said aloud, because it is a tool for developers. */
function internal(thrown: unknown): Refusal {
  const message = thrown instanceof Error ? thrown.message : 'unknown';
  return new Refusal(500, { code: 'TwinDefect', message: `The twin itself failed: ${message}`, type: 'server_error' });
}
