/** Whether the IANA database has a time zone of this name. */
export function isTimeZone(name: string): boolean {
  // To the runtime `+01:00` is a time zone too: whoever means Amsterdam is wrong with it half of the year.
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name).timeZoneId !== '';
  } catch {
    return false;
  }
}
