/** Replies that wait now because their reader does not keep up: its socket takes no more. */
export class SlowReaders {
  count = 0;
}
