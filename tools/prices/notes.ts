/** What was not priced, and why; the shape of `notPriced` in the price file. */
export interface PriceNote {
  readonly model: string;
  readonly type: string;
  readonly meters: readonly string[];
  readonly why: string;
}

/** Notes that say the same of several meters or models stand in one line. */
export function joinNotes(notes: readonly PriceNote[]): readonly PriceNote[] {
  const key = (note: PriceNote): string => [note.model, note.type, note.why].join('|');
  return [...Map.groupBy(notes, key).values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [{ ...first, meters: [...new Set(group.flatMap((note) => note.meters))] }];
  });
}
