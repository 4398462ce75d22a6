import { sql } from 'kysely';
import { RowFilter } from '../sql/series-filter.ts';
import { arrayText, toStored } from './text.ts';

export const rowFilter = new RowFilter(
  (values) => sql`unnest(${arrayText(values.map(toStored))}::text[]) as listed (value)`,
);
