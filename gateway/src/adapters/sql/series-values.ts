import type { Series } from '#accounting/ledger/ports.ts';

/** What stands in the columns of a series, in the order of `seriesColumns`. */
export function seriesValues({ caller, servedBy, ...call }: Series): (string | number | null)[] {
  return [
    caller.subscription,
    caller.product,
    caller.consumer,
    caller.costCentrePath,
    servedBy.endpoint,
    servedBy.resource,
    servedBy.region,
    servedBy.deployment,
    servedBy.deploymentType,
    servedBy.model,
    servedBy.modelVersion,
    call.operation,
    call.stream ? 1 : 0,
    call.requestedModel,
    call.priceBook,
  ];
}
