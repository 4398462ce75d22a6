import type { ConfigFinding, ConfigPath, Frozen } from '#kernel/config-section.ts';
import {
  day,
  decimal,
  entryName,
  instant,
  scaledDecimal,
  usdAmount,
  usdText,
  wholeNumber,
} from '#kernel/config-values.ts';
import { ptuRules, type PtuDeployment, type PtuPeriod, type PtuReservation } from '#model/ptu.ts';
import { z } from 'zod';

const nanoDigits = 9;
/** Weights are kept in thousandths. */
const weightDigits = 3;
const minuteMs = 60_000;

const moment = () =>
  z.union([day(), instant()], {
    error: 'expected a day (its beginning, UTC) such as 2026-11-01, or a moment such as 2026-11-01T14:20:00Z',
  });
const price = () => usdAmount(nanoDigits).describe('For one unit and hour, as an exact decimal: `1.00 USD`.');

const period = z.strictObject({
  from: moment().describe('When it begins to hold, to the minute; until the next one.'),
  price: price(),
  units: wholeNumber({ atLeast: 1 }).optional().describe('The units from then on; default: `ptu.units`.'),
});

const reservedUnits = z.record(entryName(), wholeNumber({ atLeast: 1 }));

export const ptu = z
  .strictObject({
    units: wholeNumber({ atLeast: 1 }).describe('How many provisioned throughput units the deployment holds.'),
    hourly: z
      .union([usdAmount(nanoDigits), z.array(period).min(1, 'expected at least one price')], {
        error: 'expected a price such as 1.00 USD, or a list of { from, price }',
      })
      .describe(
        'What one unit costs in an hour, after the discount of a reservation: `1.00 USD`; or a list of prices, each from a ' +
          'moment on: `[{ from: 2026-11-01, price: 1.00 USD }, { from: 2027-01-01, price: 0.70 USD, units: 80 }]`.',
      ),
    from: moment()
      .optional()
      .describe(
        'When the deployment began to be paid, to the minute. Default: the hour in which Tollgate first runs with it, so ' +
          'that hours before, and hours missed before the first one was booked, are charged to nobody.',
      ),
    until: moment().optional().describe('When it ceased to be paid, to the minute. Default: it is paid on.'),
    allocate: z
      .enum(ptuRules)
      .default('by-use')
      .describe(
        'Who pays for an hour. `by-use`: whoever used it, by tokens. `by-peak`: whoever used it, by the tokens of its ' +
          'busiest quarter-hour. `by-reserved-share`: whoever units are kept for, used or not (`shares`).',
      ),
    shares: z
      .strictObject({
        consumers: reservedUnits.optional().describe('Units by consumer: `{ marketing: 30, finance: 20 }`.'),
        subscriptions: reservedUnits.optional().describe('Units by subscription, instead.'),
      })
      .optional()
      .describe(
        'For `by-reserved-share`: how many of the units are kept for whom. The others are paid by use by everybody else.',
      ),
    capacity: z
      .strictObject({
        tokensPerMinute: wholeNumber({ atLeast: 1 }).describe(
          "Input tokens a minute that one unit serves: Azure's table of the model (“input TPM per PTU”).",
        ),
        outputTokens: decimal(weightDigits)
          .prefault('1')
          .describe('How many input tokens an output token counts for; gpt-4.1: 4.'),
        cachedTokens: decimal(weightDigits)
          .prefault('0')
          .describe('How many input tokens a cached one counts for; Azure leaves them out.'),
      })
      .optional()
      .describe(
        'What the deployment can serve. Only with it can be said what was idle, and how far the deployment was used; ' +
          'without it those who used an hour pay for all of it, and tokens weigh alike.',
      ),
  })
  .describe(
    'For provisioned deployments: what their hours cost and who pays them. See [provisioned deployments](../ptu.md).',
  );

export type PtuValues = Frozen<z.output<typeof ptu>>;

function periodsOf(endpoint: string, values: PtuValues): readonly PtuPeriod[] {
  const { hourly, units, until = null } = values;
  const prices =
    typeof hourly === 'string'
      ? [{ from: values.from ?? null, price: hourly, units }]
      : hourly.map((one) => ({ units, ...one }));
  return prices.map(({ from, price: amount, units: held = units }, at) => ({
    from,
    to: prices[at + 1]?.from ?? until,
    units: held,
    nanoUsdPerUnitHour: scaledDecimal(usdText(amount), nanoDigits),
    priceId: [
      'contracted',
      'ptu',
      endpoint,
      usdText(amount),
      ...(from === null ? [] : [new Date(from).toISOString()]),
    ].join('/'),
  }));
}

function reservations(
  by: PtuReservation['by'],
  units: Readonly<Record<string, number>> = {},
): readonly PtuReservation[] {
  return Object.entries(units)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, count]) => ({ by, name, units: count }));
}

function reservedOf({ shares = {} }: PtuValues): readonly PtuReservation[] {
  return [...reservations('consumer', shares.consumers), ...reservations('subscription', shares.subscriptions)];
}

const weight = (text = '1'): number => Number(scaledDecimal(text, weightDigits));

/** What the configuration says of a provisioned deployment that is paid by the hour. */
export function ptuTerms(endpoint: string, values: PtuValues): Omit<PtuDeployment, 'servedBy' | 'listPrices'> {
  const { capacity } = values;
  return {
    periods: periodsOf(endpoint, values),
    rule: values.allocate,
    reserved: reservedOf(values),
    weights: { cachedInput: weight(capacity?.cachedTokens), output: weight(capacity?.outputTokens) },
    tokensPerMinute: capacity?.tokensPerMinute ?? null,
  };
}

type Finding = Omit<ConfigFinding, 'path'> & { readonly at: ConfigPath };

function ofShares(values: PtuValues): readonly Finding[] {
  const { shares, allocate } = values;
  const [consumers, subscriptions] = [shares?.consumers, shares?.subscriptions];
  const named = [consumers, subscriptions].filter((one) => one !== undefined && Object.keys(one).length > 0);
  if (allocate !== 'by-reserved-share') {
    return shares === undefined
      ? []
      : [
          {
            at: ['shares'],
            message: `allocate: ${allocate} knows no reserved shares`,
            fix: 'Delete it, or write allocate: by-reserved-share.',
          },
        ];
  }
  if (named.length === 0) {
    return [
      {
        at: ['allocate'],
        message: 'nobody has a reserved share',
        fix: 'Add shares: { consumers: { NAME: UNITS } }, or allocate by-use or by-peak.',
      },
    ];
  }
  if (named.length === 2) {
    return [
      {
        at: ['shares', 'subscriptions'],
        message: 'units are kept for consumers or for subscriptions, not for both',
        fix: 'Leave one of them out.',
      },
    ];
  }
  return tooManyReserved(values);
}

function tooManyReserved(values: PtuValues): readonly Finding[] {
  const reserved = reservedOf(values).reduce((sum, one) => sum + one.units, 0);
  const fewest = Math.min(...periodsOf('', values).map((one) => one.units));
  if (reserved <= fewest) return [];
  return [
    {
      at: ['shares'],
      message: `${reserved} units are reserved of ${fewest}`,
      fix: 'Reserve fewer; the others are paid by use.',
    },
  ];
}

type Beginnings = readonly (readonly [begins: number, at: ConfigPath])[];

function beginningsOf({ hourly }: PtuValues): Beginnings {
  return typeof hourly === 'string' ? [] : hourly.map((one, at) => [one.from, ['hourly', at, 'from']]);
}

function ofOrder(values: PtuValues): readonly Finding[] {
  const { hourly, from, until } = values;
  const beginnings = beginningsOf(values);
  const findings: Finding[] = [];
  if (from !== undefined && typeof hourly !== 'string') {
    findings.push({ at: ['from'], message: 'the prices say themselves when they begin', fix: 'Delete it.' });
  }
  beginnings.forEach(([begins, at], index) => {
    if (begins <= (beginnings[index - 1]?.[0] ?? -Infinity))
      findings.push({ at, message: 'it does not begin after the price before it', fix: 'Order the list by time.' });
  });
  const last = beginnings.at(-1)?.[0] ?? from;
  if (until !== undefined && last !== undefined && until <= last) {
    findings.push({
      at: ['until'],
      message: 'it is not after the last price has begun',
      fix: 'Correct one of the two.',
    });
  }
  return findings;
}

function ofMinutes(values: PtuValues): readonly Finding[] {
  const { from = 0, until = 0 } = values;
  const times: Beginnings = [[from, ['from']], [until, ['until']], ...beginningsOf(values)];
  return times
    .filter(([time]) => time % minuteMs !== 0)
    .map(([, at]) => ({ at, message: 'Azure charges by the minute', fix: 'Write a full minute.' }));
}

const isProvisioned = (type: string): boolean => type.endsWith('ProvisionedManaged');

/** What no schema can say about the hours of an endpoint. */
export function findingsOfPtu(
  path: ConfigPath,
  endpoint: { readonly type: string; readonly ptu?: PtuValues | undefined },
): readonly ConfigFinding[] {
  const { type, ptu: values } = endpoint;
  if (values === undefined) {
    if (!isProvisioned(type)) return [];
    return [
      {
        path,
        severity: 'warning',
        message: 'what its hours cost is not known: its calls cost 0 each, and nobody is charged for the deployment',
        fix: 'Add ptu: { units, hourly, from }.',
      },
    ];
  }
  if (!isProvisioned(type)) {
    return [
      {
        path: [...path, 'ptu'],
        message: `a ${type} deployment is paid by the token, not by the hour`,
        fix: 'Delete it, or correct the type.',
      },
    ];
  }
  const noBeginning: readonly Finding[] =
    typeof values.hourly === 'string' && values.from === undefined
      ? [
          {
            at: [],
            severity: 'warning',
            message:
              'it does not say from when on it is paid: hours before Tollgate first runs with it are charged to nobody',
            fix: 'Add from, such as 2026-11-01.',
          },
        ]
      : [];
  return [...ofOrder(values), ...ofMinutes(values), ...ofShares(values), ...noBeginning].map(({ at, ...rest }) => ({
    path: [...path, 'ptu', ...at],
    ...rest,
  }));
}
