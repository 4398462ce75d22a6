/** A place for people: many regions would be longer than a line. */
export function placeWords(region: string | null): string {
  if (region === null) return 'any';
  const names = region.split(',');
  return names.length <= 2 ? region : `${names.slice(0, 2).join(',')} and ${names.length - 2} more`;
}
