import { sql } from 'kysely';
import { RowFilter } from '../sql/series-filter.ts';

export const rowFilter = new RowFilter((values) => sql`json_each(${JSON.stringify(values)})`);
