// Whether a region has the models of `data/models.json`, as the types that stand there, and enough of them for this subscription.
import { ownDeployments } from './check-existing.mjs';

/** Problems of the deployments that are wanted in one region. */
export async function checkRegion(subscription, settings, { region, models }) {
  const path = `providers/Microsoft.CognitiveServices/locations/${region}`;
  const [offered, usages, own] = await Promise.all([
    subscription.get(`${path}/models`, '2024-10-01'),
    subscription.get(`${path}/usages`, '2024-10-01'),
    ownDeployments(subscription, settings, region),
  ]);
  const found = models.map((wanted) => findOffer(offered.value, wanted, region));
  const offers = found.flatMap(({ offer }) => offer ?? []);
  return [
    ...found.flatMap(({ problem }) => problem ?? []),
    ...offers.flatMap((offer) => checkSize(offer, region)),
    ...checkQuota(offers, { region, usages: usages.value, held: heldOf(own, offered.value) }),
  ];
}

/** What Azure offers for a deployment, or why it offers nothing. */
function findOffer(offered, wanted, region) {
  const { name, model, version, type } = wanted;
  const versions = offered.filter((one) => one.model.name === model && one.model.version === version);
  if (versions.length === 0)
    return {
      problem: `${region} does not have ${model} ${version} (deployment ${name}): choose another region, or another version in infra/data/models.json.`,
    };
  const sku = versions.flatMap((one) => one.model.skus).find((one) => one.name === type);
  if (sku === undefined)
    return {
      problem: `${region} does not have ${model} ${version} as ${type} (deployment ${name}): choose another type in infra/data/models.json.`,
    };
  return { offer: { wanted, sku, quota: quotaOf(sku, model) } };
}

/**
 * The quota that a deployment is taken from, by the name that Azure gives it: one for each model, and for provisioned
 * units one for all of them together.
 */
const quotaOf = (sku, model) => sku.usageName ?? `OpenAI.${sku.name}.${model}`;

/** Provisioned units come from some number on, in steps that differ by model and type. */
function checkSize({ wanted, sku }, region) {
  const { name, model, type, capacity } = wanted;
  const { minimum, maximum, step } = sku.capacity ?? {};
  const least = minimum ?? 1;
  if (capacity >= least && capacity <= (maximum ?? Infinity) && (capacity - least) % (step ?? 1) === 0) return [];
  const range = `from ${least}${step ? `, in steps of ${step}` : ''}${maximum ? `, up to ${maximum}` : ''}`;
  const setting = type.includes('Provisioned')
    ? 'OPENAI_PROVISIONED_CAPACITY'
    : 'its capacity in infra/data/models.json';
  return [`${region} has ${model} as ${type} ${range}, ${name} is to have ${capacity}: change ${setting}.`];
}

/** What this environment already holds of each quota: its deployments are made again, so that is not in their way. */
function heldOf(own, offered) {
  const held = new Map();
  for (const { type, model, capacity } of own) {
    const skus = offered.filter((one) => one.model.name === model).flatMap((one) => one.model.skus);
    const quota = quotaOf(skus.find((one) => one.name === type) ?? { name: type }, model);
    held.set(quota, (held.get(quota) ?? 0) + capacity);
  }
  return held;
}

function checkQuota(offers, { region, usages, held }) {
  return [...new Set(offers.map(({ quota }) => quota))].flatMap((quota) => {
    const usage = usages.find((one) => one.name.value === quota);
    if (usage === undefined) return [];
    const left = usage.limit - usage.currentValue + (held.get(quota) ?? 0);
    const takers = offers.filter((one) => one.quota === quota).map(({ wanted }) => wanted);
    const needed = takers.reduce((sum, { capacity }) => sum + capacity, 0);
    if (left >= needed) return [];
    const names = takers.map(({ name }) => name).join(' and ');
    const what = [...new Set(takers.map(({ model, type }) => `${model} as ${type}`))].join(', ');
    return [
      `${region} has ${left} left of the quota for ${what} (${quota}), ${names} ${takers.length === 1 ? 'needs' : 'need'} ${needed}: lower that, or ask for more quota.`,
    ];
  });
}
