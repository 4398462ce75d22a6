import { slowReaders } from './slow-readers.suite.ts';

slowReaders({ streams: 40, events: 400, bytes: 20_000 });
