import type { EndpointHealth as Shown } from '@tollgate/contract/admin-api/routing.ts';
import type { DeploymentControl } from '#admin/ports.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { SnapshotSource } from '#model/snapshot.ts';
import type { EndpointHealth } from '#proxy/routing/health.ts';

/** The health of the endpoints in force, as the admin API shows and changes it. */
export function deploymentControl(snapshots: SnapshotSource, health: EndpointHealth): DeploymentControl {
  const show = (endpoint: Endpoint): Shown => {
    const { until, ...view } = health.view(endpoint);
    return {
      name: endpoint.name,
      model: endpoint.model,
      resource: endpoint.resourceName,
      region: endpoint.region,
      deployment: endpoint.deployment,
      deploymentType: endpoint.deploymentType,
      until: until === null ? null : new Date(until).toISOString(),
      ...view,
    };
  };
  const change = (name: string, run: (endpoint: Endpoint) => void): Shown | undefined => {
    const endpoint = snapshots.current().endpoints.get(name);
    if (endpoint === undefined) return undefined;
    run(endpoint);
    return show(endpoint);
  };
  return {
    list: () => [...snapshots.current().endpoints.values()].map(show),
    override: (name, { override, forSeconds }) =>
      change(name, (endpoint) =>
        health.of(endpoint).setOverride(override, forSeconds === undefined ? null : forSeconds * 1000),
      ),
    reset: (name) => change(name, (endpoint) => health.of(endpoint).reset()),
  };
}
