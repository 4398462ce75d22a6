import { compareWithTwin } from '#exactness/compare.ts';
import { brokenOffModel, brokenOffStream, embeddingModel, wholeReplies } from '#load/mixed-requests.ts';
import type { LoadPlan, LoadResult, RequestTemplate } from '#load/plan.ts';
import { chatModel } from '#load/requests.ts';
import type { BenchEndpoint } from '#processes/config.ts';
import { GatewayProcess } from '#processes/gateway-process.ts';
import { TwinProcess } from '#processes/twin-process.ts';
import type { ExactnessResult } from '#results.ts';
import type { Stage } from '#stage.ts';
import { failuresOf } from './speed.ts';

const mixedConnections = 16;

/**
 * The gateway in front of the twin, under traffic of every kind it serves, streams that the client breaks off among it:
 * afterwards its ledger is compared with the twin's own record.
 */
export async function checkAgainstTwin(stage: Stage): Promise<{ result: ExactnessResult; problems: string[] }> {
  const folder = stage.newFolder('exactness');
  const twin = await TwinProcess.start(stage.children, folder);
  const gateway = await GatewayProcess.start(stage.children, {
    folder,
    endpoints: endpointsOf(twin),
    upstreamKey: twin.key,
    limited: true,
  });
  try {
    const result = await stage.driver.load(planOf(stage, gateway, interleaved(stage)));
    await gateway.settled();
    const verification = await gateway.verifyLedger();
    const comparison = compareWithTwin({
      byDeployment: await gateway.usage('deployment'),
      byOutcome: await gateway.usage('outcome'),
      twin: await twin.usage(),
      brokenOffDeployment: `contoso-swc/${brokenOffModel}`,
      received: result.result.received,
      brokenOff: result.result.brokenOff,
    });
    const ledgerProblems = verification.ok
      ? []
      : ['ledger verify is not ok', ...verification.problems.map((one) => one.what)];
    return {
      result: { against: 'twin', under: describe(result.result), comparison, ledgerProblems },
      problems: failuresOf(result.result).map((failure) => `against the twin: ${failure}`),
    };
  } finally {
    await gateway.stop();
  }
}

function endpointsOf(twin: TwinProcess): BenchEndpoint[] {
  const weu = `http://127.0.0.1:${twin.port}/contoso-weu`;
  const swc = `http://127.0.0.1:${twin.port}/contoso-swc`;
  const of = (model: string, resource: string, name: string): BenchEndpoint => ({
    name,
    model,
    resource,
    region: resource === weu ? 'westeurope' : 'swedencentral',
    deployment: model,
    type: model === brokenOffModel ? 'DataZoneStandard' : 'GlobalStandard',
  });
  return [
    of(chatModel, weu, 'chat-weu'),
    of(chatModel, swc, 'chat-swc'),
    of(embeddingModel, weu, 'embeddings'),
    of(brokenOffModel, swc, 'broken-off'),
  ];
}

/** Every so many replies, one stream that is broken off. */
function interleaved(stage: Stage): RequestTemplate[] {
  const { exactRequests, brokenOffRequests } = stage.options.durations;
  const every = Math.max(1, Math.round(exactRequests / brokenOffRequests));
  const templates: RequestTemplate[] = [];
  // As long as it takes for every kind to come round, whatever the two periods have in common.
  for (let index = 0; index < wholeReplies.length * every; index += 1) {
    const template = wholeReplies[index % wholeReplies.length];
    if (template !== undefined) templates.push(template);
    if ((index + 1) % every === 0) templates.push(brokenOffStream);
  }
  return templates;
}

function planOf(stage: Stage, gateway: GatewayProcess, templates: readonly RequestTemplate[]): LoadPlan {
  const { exactRequests, brokenOffRequests } = stage.options.durations;
  return {
    port: gateway.port,
    headers: { 'api-key': gateway.callerKey },
    connections: mixedConnections,
    templates,
    durationMs: null,
    totalRequests: exactRequests + brokenOffRequests,
    pid: null,
    core: null,
  };
}

function describe(result: LoadResult): string {
  return `mixed traffic, ${result.received} replies received in full, ${result.brokenOff} streams broken off`;
}
