import { slowReaders } from './slow-readers.suite.ts';

slowReaders({ streams: 500, events: 400, bytes: 20_000 });
