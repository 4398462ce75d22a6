// The first month of the Azure budget. Azure takes none that is over when a budget is made, and keeps it afterwards.
import { isAbsent } from './resource-manager.mjs';

/** The first day of the month in which `now` is, milliseconds since 1970. */
export const firstOfMonth = (now) => `${new Date(now).toISOString().slice(0, 7)}-01`;

/** From when the budget of this environment counts, where it is there. */
async function existingStart(subscription, { AZURE_ENV_NAME: name }) {
  try {
    const path = `resourceGroups/rg-${name}/providers/Microsoft.Consumption/budgets/tollgate`;
    const { properties } = await subscription.get(path, '2023-05-01');
    return properties.timePeriod.startDate.slice(0, 10);
  } catch (thrown) {
    if (isAbsent(thrown)) return undefined;
    throw thrown;
  }
}

const wanted = ({ MONTHLY_BUDGET: amount }) => Number(amount || 0) > 0;

export async function checkBudget(subscription, settings, now = Date.now()) {
  const { BUDGET_START_DATE: start } = settings;
  if (!wanted(settings) || !start || start >= firstOfMonth(now)) return [];
  if ((await existingStart(subscription, settings)) !== undefined) return [];
  return [
    `BUDGET_START_DATE is ${start}, a month that is over: a new budget counts from ${firstOfMonth(now)} or later. Leave it empty, and this month is taken.`,
  ];
}

/** Whether there is to be a budget and nobody has said from when. */
export const needsStart = (settings) => wanted(settings) && !settings.BUDGET_START_DATE;

/** What BUDGET_START_DATE is to be then: what it was, else this month. */
export async function startToSet(subscription, settings, now = Date.now()) {
  return (await existingStart(subscription, settings)) ?? firstOfMonth(now);
}
