// What reports read, from the plans that the databases make of the statements as they are sent.
import { describe } from 'node:test';
import { orSkip } from '../support/postgres-server.ts';
import { postgresPlans, sqlitePlans } from './report-plans.suite.ts';

// Fewer would leave some quarter-hours without a record.
describe('PostgreSQL', orSkip, () => postgresPlans({ small: 20_000, large: 100_000 }));
describe('SQLite', () => sqlitePlans(100_000));
