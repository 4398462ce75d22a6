import { describe } from 'node:test';
import { newPostgresLedger } from '../support/postgres-database.ts';
import { orSkip } from '../support/postgres-server.ts';
import { ledgerStoreContract } from './ledger-store.suite.ts';

describe('PostgreSQL', orSkip, () => {
  ledgerStoreContract('PostgreSQL', newPostgresLedger, { runs: 100 });
});
