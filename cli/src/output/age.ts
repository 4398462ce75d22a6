const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;

/** How long ago, in its largest unit: `3d`, `4h`, `59m`, `0s`. */
export function ageText(ms: number): string {
  const [name, size] = units.find(([, one]) => ms >= one) ?? ['s', 1000];
  return `${Math.max(0, Math.floor(ms / size))}${name}`;
}
