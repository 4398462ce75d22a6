import type { Problem } from '../../../tools/bicep/problem.ts';
import { asText } from '../../../tools/bicep/values.ts';
import { at, listAt, made, problemAt } from '../support/problems.ts';
import type { Snapshot } from '../support/snapshot.ts';

/** No prompt is stored, nothing of a stream is held back, no subscription opens everything. */
export function apiManagementIsDiscreet(snapshot: Snapshot): Problem[] {
  const bodies = made(snapshot, 'Microsoft.ApiManagement/service/diagnostics').flatMap((diagnostic) =>
    ['frontend.request', 'frontend.response', 'backend.request', 'backend.response'].flatMap((part): Problem[] =>
      at(diagnostic.body, `properties.${part}.body.bytes`) === 0
        ? []
        : [problemAt(diagnostic, 'bodies', `${part} logs bodies`)],
    ),
  );
  const scopes = made(snapshot, 'Microsoft.ApiManagement/service/subscriptions').flatMap((subscription): Problem[] => {
    const scope = asText(at(subscription.body, 'properties.scope') ?? '');
    return /\/products\/[^/]+$/.test(scope)
      ? []
      : [problemAt(subscription, 'subscription', `opens ${scope}, not one product`)];
  });
  const links = made(snapshot, 'Microsoft.ApiManagement/service/apis').flatMap((api): Problem[] =>
    asText(at(api.body, 'properties.format') ?? '').includes('link')
      ? [problemAt(api, 'api-import', 'is imported by link: what it is would change by itself')]
      : [],
  );
  const names = made(snapshot, 'Microsoft.ApiManagement/service/subscriptions').map(({ name }) => name);
  const missing =
    names.length === 0 || ['marketing', 'finance'].every((name) => names.includes(name))
      ? []
      : ['no subscriptions for Marketing and Finance'];
  return [
    ...bodies,
    ...keysInUrlsAreHidden(snapshot),
    ...scopes,
    ...links,
    ...missing.map((message) => ({ rule: 'subscription', file: 'core/apim/api.bicep', line: 1, message })),
  ];
}

/** A caller may send its key in the query string; what is said of no log, API Management writes down whole. */
function keysInUrlsAreHidden(snapshot: Snapshot): Problem[] {
  const diagnostics = made(snapshot, 'Microsoft.ApiManagement/service/diagnostics');
  const shown = diagnostics.flatMap((diagnostic) =>
    ['frontend', 'backend'].flatMap((part): Problem[] => {
      const [hidden = ''] = listAt(diagnostic.body, `properties.${part}.request.dataMasking.queryParams`);
      const isHidden = at(hidden, 'value') === '*' && at(hidden, 'mode') === 'Hide';
      return isHidden ? [] : [problemAt(diagnostic, 'keys-in-urls', `${part} logs query strings, and keys in them`)];
    }),
  );
  const unsaid = made(snapshot, 'Microsoft.ApiManagement/service').flatMap((service): Problem[] =>
    ['applicationinsights', 'azuremonitor'].flatMap((name) =>
      diagnostics.some((one) => one.name === name)
        ? []
        : [problemAt(service, 'keys-in-urls', `${name} is not said what to log`)],
    ),
  );
  return [...shown, ...unsaid];
}

interface Demand {
  readonly test: (text: string) => boolean;
  readonly message: string;
}

/** Whether every element of a document ends where it must; expressions (`@(…)`) hold nothing that looks like one here. */
function isWellFormed(text: string): boolean {
  const open: string[] = [];
  for (const [, end = '', name = '', alone = ''] of text
    .replaceAll(/<!--[^]*?-->/g, '')
    .matchAll(/<(\/?)([a-z][a-z-]*)(?:\s+[a-zA-Z-]+="[^"<]*")*\s*(\/?)>/g)) {
    if (end === '' && alone === '') open.push(name);
    else if (end !== '' && open.pop() !== name) return false;
  }
  const rest = text
    .replaceAll(/<!--[^]*?-->/g, '')
    .replaceAll(/<\/?[a-z][a-z-]*(?:\s+[a-zA-Z-]+="[^"<]*")*\s*\/?>/g, '');
  return open.length === 0 && !rest.includes('<');
}

const policyDemands: readonly Demand[] = [
  { test: isWellFormed, message: 'is no XML: an element does not end where it must' },
  {
    test: (text) => /<forward-request[^>]*buffer-response="false"/.test(text),
    message: 'holds streams back: forward-request needs buffer-response="false"',
  },
  { test: (text) => !/LastError|X-LastErrorMessage/i.test(text), message: 'tells callers what went wrong inside' },
  {
    test: (text) => !/context\.Request\.Body|context\.Response\.Body|<log-to-eventhub|<trace/.test(text),
    message: 'reads or logs bodies',
  },
  {
    test: (text) => /<set-header name="x-tollgate-subscription" exists-action="override">/.test(text),
    message: 'lets a caller say who it is: the header must be overridden',
  },
  {
    test: (text) =>
      /<set-header name="api-key" exists-action="delete"/.test(text) &&
      /<set-query-parameter name="subscription-key" exists-action="delete"/.test(text),
    message: 'hands the key of the caller on',
  },
  { test: (text) => (text.match(/<base \/>/g) ?? []).length === 3, message: 'leaves out a <base />' },
];

/** As they are deployed, put together from their parts. */
export function policiesArePutTogether(snapshot: Snapshot): Problem[] {
  return made(snapshot, 'Microsoft.ApiManagement/service/apis/policies').flatMap((policy) =>
    policyDemands.flatMap(({ test, message }): Problem[] =>
      test(asText(at(policy.body, 'properties.value') ?? '')) ? [] : [problemAt(policy, 'policy', message)],
    ),
  );
}

/** Policies of API Management: read as text, since expressions make them more than XML. */
export function policiesAreGood(files: ReadonlyMap<string, string>): Problem[] {
  const names = [...files.keys()].filter((file) => (files.get(file) ?? '').startsWith('<policies>'));
  const problems = names.flatMap((file) =>
    policyDemands.flatMap(({ test, message }): Problem[] =>
      test(files.get(file) ?? '') ? [] : [{ rule: 'policy', file, line: 1, message }],
    ),
  );
  const byToken = files.get('policies/api.xml') ?? '';
  if (!/<authentication-managed-identity resource="\{\{tollgate-audience\}\}" \/>/.test(byToken))
    problems.push({
      rule: 'policy',
      file: 'policies/api.xml',
      line: 1,
      message: 'brings no proof of where the call comes from',
    });
  return problems;
}

const believedToken =
  '"callers":[{"claims":{"oid":"${TOLLGATE_APIM_PRINCIPAL_ID}"},"subscriptionHeader":"x-tollgate-subscription"}]';
const believedCertificate =
  /"front":\{"certificates":\["[0-9a-f]{64}"\],"subscriptionHeader":"x-tollgate-subscription"\}/;

/**
 * API Management proves that calls come from it, by a token of its identity or by a client certificate that the ingress
 * demands; and Tollgate believes the header that names the subscription beside exactly that.
 */
export function originIsProven(snapshot: Snapshot): Problem[] {
  if (made(snapshot, 'Microsoft.ApiManagement/service').length === 0) return [];
  const policy = made(snapshot, 'Microsoft.ApiManagement/service/apis/policies')[0];
  const backend = made(snapshot, 'Microsoft.ApiManagement/service/backends')[0];
  const app = made(snapshot, 'Microsoft.App/containerApps')[0];
  if (policy === undefined || backend === undefined || app === undefined)
    return [{ rule: 'origin', file: 'resources.bicep', line: 1, message: 'API Management leads nowhere' }];
  const configuration = asText(at(app.body, 'properties.configuration.secrets.0.value') ?? '');
  const byToken = asText(at(policy.body, 'properties.value') ?? '').includes('authentication-managed-identity');
  if (byToken) return configuration.includes(believedToken) ? [] : [problemAt(app, 'origin', 'asks for no proof')];
  const problems: Problem[] = [];
  if (listAt(backend.body, 'properties.credentials.certificateIds').length !== 1)
    problems.push(problemAt(backend, 'origin', 'shows no certificate'));
  if (at(app.body, 'properties.configuration.ingress.clientCertificateMode') !== 'require')
    problems.push(problemAt(app, 'origin', 'demands no certificate'));
  if (!believedCertificate.test(configuration)) problems.push(problemAt(app, 'origin', 'asks for no proof'));
  return problems;
}

/** Whoever stands in front gives up after a silence of its own: who does first, and after how many seconds. */
function shortestSilence(snapshot: Snapshot, ingress: number): readonly [string, number] {
  const policies = made(snapshot, 'Microsoft.ApiManagement/service/apis/policies').map(
    ({ body }): readonly [string, number] => [
      'API Management',
      Number(/<forward-request timeout="(\d+)"/.exec(asText(at(body, 'properties.value') ?? ''))?.[1] ?? 300),
    ],
  );
  const doors = made(snapshot, 'Microsoft.Cdn/profiles').map(({ body }): readonly [string, number] => [
    'Front Door',
    Number(at(body, 'properties.originResponseTimeoutSeconds') ?? 60),
  ]);
  const all: readonly (readonly [string, number])[] = [['the ingress', ingress], ...policies, ...doors];
  return all.reduce((least, one) => (one[1] < least[1] ? one : least));
}

/** Minutes of silence that premium ingress takes, and that are worth its nodes: nobody in front gives up earlier. */
export function idleMinutesMeanSomething(snapshot: Snapshot): Problem[] {
  return made(snapshot, 'Microsoft.App/managedEnvironments').flatMap((environment): Problem[] => {
    const minutes = at(environment.body, 'properties.ingressConfiguration.requestIdleTimeout');
    if (minutes === undefined) return [];
    if (typeof minutes !== 'number' || minutes < 4 || minutes > 30)
      return [problemAt(environment, 'idle', `${JSON.stringify(minutes)} minutes of silence: from 4 to 30`)];
    const [what, seconds] = shortestSilence(snapshot, minutes * 60);
    if (seconds >= minutes * 60) return [];
    return [problemAt(environment, 'idle', `${minutes} minutes are paid for, but ${what} gives up after ${seconds} s`)];
  });
}

const servedBy = { apiManagement: '/status-0123456789abcdef', tollgate: '/readyz' } as const;

/** Front Door asks on a path that what it leads to has; and is not walked around where that can be helped. */
export function frontDoorFits(snapshot: Snapshot): Problem[] {
  const groups = made(snapshot, 'Microsoft.Cdn/profiles/originGroups');
  const services = made(snapshot, 'Microsoft.ApiManagement/service');
  const path = services.length > 0 ? servedBy.apiManagement : servedBy.tollgate;
  const probes = groups.flatMap((group): Problem[] =>
    at(group.body, 'properties.healthProbeSettings.probePath') === path
      ? []
      : [problemAt(group, 'probe', `asks on a path that is not there: ${path} is`)],
  );
  const links = made(snapshot, 'Microsoft.Cdn/profiles/originGroups/origins').flatMap((origin): Problem[] =>
    at(origin.body, 'properties.sharedPrivateLinkResource') !== undefined &&
    services.some(({ body }) => at(body, 'sku.name') === 'PremiumV2')
      ? [problemAt(origin, 'link', 'Front Door makes no private link to API Management Premium v2')]
      : [],
  );
  const past = made(snapshot, 'Microsoft.ApiManagement/service/apis/policies').flatMap((policy): Problem[] => {
    const asks = /<check-header name="X-Azure-FDID"[^>]*>\s*<value>\{\{front-door-id\}\}<\/value>/.test(
      asText(at(policy.body, 'properties.value') ?? ''),
    );
    return asks === groups.length > 0
      ? []
      : [problemAt(policy, 'past-front-door', asks ? 'lets nobody in' : 'lets callers in past the firewall')];
  });
  return [...probes, ...links, ...past];
}

/** The gateway drains before it is killed, and answers before whoever is in front gives up. */
export function timesFit(snapshot: Snapshot): Problem[] {
  const app = made(snapshot, 'Microsoft.App/containerApps')[0];
  const environment = made(snapshot, 'Microsoft.App/managedEnvironments')[0];
  if (app === undefined || environment === undefined) return [];
  const configuration = asText(at(app.body, 'properties.configuration.secrets.0.value') ?? '');
  const numbers = (pattern: RegExp): number[] => [
    ...new Set([...configuration.matchAll(pattern)].map((found) => Number(found[1]))),
  ];
  const grace = Number(at(app.body, 'properties.template.terminationGracePeriodSeconds'));
  const [drain = Infinity] = numbers(/"drainTimeout":"(\d+)s"/g);
  const ingress = Number(at(environment.body, 'properties.ingressConfiguration.requestIdleTimeout') ?? 4) * 60;
  const [what, idle] = shortestSilence(snapshot, ingress);
  const [attempts = 3] = numbers(/"maxAttempts":(\d+)/g);
  return [
    ...(drain + 10 > grace
      ? [problemAt(app, 'drain', `the drain of ${drain} s must end 10 s before the ${grace} s of the platform`)]
      : []),
    ...numbers(/"deadline":"(\d+)s"/g)
      .filter((deadline) => deadline >= idle)
      .map((deadline) =>
        problemAt(app, 'deadline', `a call may take ${deadline} s, but ${what} cuts a silent one after ${idle} s`),
      ),
    ...numbers(/"firstByteTimeout":"(\d+)s"/g)
      .map((firstByte) => firstByte * attempts)
      .filter((silent) => silent >= idle)
      .map((silent) => problemAt(app, 'deadline', `a stream may be silent for ${silent} s, ${what} waits ${idle} s`)),
  ];
}

/** One replica without what replicas share; room for a revision swap is the platform's. */
export function replicasFit(snapshot: Snapshot): Problem[] {
  return made(snapshot, 'Microsoft.App/containerApps').flatMap((app): Problem[] => {
    const most = Number(at(app.body, 'properties.template.scale.maxReplicas'));
    const least = Number(at(app.body, 'properties.template.scale.minReplicas'));
    const shared =
      made(snapshot, 'Microsoft.DBforPostgreSQL/flexibleServers').length > 0 &&
      made(snapshot, 'Microsoft.Cache/redisEnterprise').length > 0;
    if (most > 1 && !shared) return [problemAt(app, 'replicas', 'several replicas need PostgreSQL and Redis')];
    if (least < 1 || least > most) return [problemAt(app, 'replicas', `from ${least} to ${most} replicas is no range`)];
    const mode = at(app.body, 'properties.configuration.activeRevisionsMode');
    return mode === 'Single' ? [] : [problemAt(app, 'replicas', 'two revisions would be two sets of replicas')];
  });
}

/** Provisioning again keeps the image that runs. */
export function imageIsKept(snapshot: Snapshot, environment: Readonly<Record<string, string>>): Problem[] {
  if (environment['SERVICE_GATEWAY_RESOURCE_EXISTS'] !== 'true') return [];
  return made(snapshot, 'Microsoft.App/containerApps').flatMap((app): Problem[] => {
    const image = asText(at(app.body, 'properties.template.containers.0.image') ?? '');
    return image.includes(`${app.name}.properties.template.containers[0].image`)
      ? []
      : [problemAt(app, 'image', `provisioning puts ${image} in the place of what runs`)];
  });
}
