import type { Posting } from '#accounting/ledger/ports.ts';
import type { FigureDimension, FigureFilter } from '#model/figures.ts';

type Place = Pick<Posting, 'series' | 'outcome'>;

const keyOf: Readonly<Record<Exclude<FigureDimension, 'end-user'>, (one: Place) => string>> = {
  consumer: ({ series }) => series.caller.consumer,
  'cost-centre': ({ series }) => series.caller.costCentrePath,
  product: ({ series }) => series.caller.product,
  subscription: ({ series }) => series.caller.subscription,
  model: ({ series }) => series.servedBy.model,
  endpoint: ({ series }) => series.servedBy.endpoint,
  deployment: ({ series }) => `${series.servedBy.resource}/${series.servedBy.deployment}`,
  resource: ({ series }) => series.servedBy.resource,
  'deployment-type': ({ series }) => series.servedBy.deploymentType,
  region: ({ series }) => series.servedBy.region,
  operation: ({ series }) => series.operation,
  outcome: ({ outcome }) => outcome,
};

/**
 * Whether a posting counts under a filter, as the stores have it: a cost centre, named or by its path, stands for all
 * below it. Postings do not say whose end user they concern: that part of a filter is for whoever has their record.
 */
export function fits(posting: Place, filter: readonly FigureFilter[]): boolean {
  return filter.every(({ dimension, values, exact }) => {
    if (dimension === 'end-user') return true;
    const key = keyOf[dimension](posting);
    const below = dimension === 'cost-centre' && exact !== true;
    return values.some((value) => key === value || (below && `/${key}/`.includes(`/${value}/`)));
  });
}
