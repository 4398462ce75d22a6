import { describe } from 'node:test';
import { orSkip } from '../support/postgres-server.ts';
import { postgresPlans, sqlitePlans } from './report-plans.suite.ts';

describe('PostgreSQL', orSkip, () => postgresPlans({ small: 100_000, large: 5_000_000 }));
describe('SQLite', () => sqlitePlans(5_000_000));
