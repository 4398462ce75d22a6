/** How a meter is called and counted on paper. */
export interface MeterWords {
  readonly title: string;
  /** FOCUS's UnitFormat. */
  readonly unit: string;
  readonly pricingUnit: string;
  /** So many units make one of `pricingUnit`. */
  readonly unitsPerPrice: bigint;
}

const million = 1_000_000n;
const counted = (title: string, unit: string): MeterWords => ({
  title,
  unit,
  pricingUnit: unit,
  unitsPerPrice: 1n,
});
const tokens = (title: string): MeterWords => ({
  title,
  unit: 'Tokens',
  pricingUnit: '1000000 Tokens',
  unitsPerPrice: million,
});

/** The meter of calls whose usage nobody knows: they are counted, and have no price. */
export const unknownUsageMeter = 'unknownUsage';

const known: ReadonlyMap<string, MeterWords> = new Map([
  ['input', tokens('Input tokens')],
  ['cachedInput', tokens('Cached input tokens')],
  ['cacheWriteInput', tokens('Cache write tokens')],
  ['audioInput', tokens('Audio input tokens')],
  ['imageInput', tokens('Image input tokens')],
  ['output', tokens('Output tokens')],
  ['reasoning', tokens('Reasoning tokens')],
  ['audioOutput', tokens('Audio output tokens')],
  ['seconds', counted('Seconds of audio', 'Seconds')],
  [
    'characters',
    {
      title: 'Characters spoken',
      unit: 'Characters',
      pricingUnit: '1000000 Characters',
      unitsPerPrice: million,
    },
  ],
  ['ptu', { title: 'Provisioned throughput', unit: 'PTU-Seconds', pricingUnit: 'PTU-Hours', unitsPerPrice: 3600n }],
  [unknownUsageMeter, counted('Calls of unknown usage', 'Calls')],
]);

/** The words for a meter; one that a later version knows is counted in units of its own name. */
export function meterWords(meter: string): MeterWords {
  const found = known.get(meter);
  if (found !== undefined) return found;
  const [kind, what = ''] = splitOnce(meter, ':');
  if (kind === 'toolCall') return counted(`Calls of ${what}`, 'Calls');
  if (kind === 'image') return counted(`Images ${what.replace('/', ', ')}`, 'Images');
  return counted(meter, 'Units');
}

function splitOnce(text: string, separator: string): readonly [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** Meters in the order in which a reader looks for them; others follow by name. */
export function compareMeters(one: string, other: string): number {
  const order = [...known.keys()];
  const [a, b] = [order.indexOf(one), order.indexOf(other)];
  if (a >= 0 && b >= 0) return a - b;
  if (a >= 0 || b >= 0) return a >= 0 ? -1 : 1;
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
