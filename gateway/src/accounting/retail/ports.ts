/** Where a price file is kept. Small and rarely touched: read and written in one go. */
export interface PriceFileStore {
  /** Its text; null where there is none. Throws where it cannot be read. */
  read(path: string): string | null;
  /**
   * Puts a new text in the place of the old one, at once: whoever reads it, also after a power cut, finds the one or the
   * other, never a part. Null removes it. Throws where it cannot be written, and then nothing has changed.
   */
  replace(path: string, text: string | null): void;
}
