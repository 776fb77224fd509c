// local/iso-time: a moment as files and people write it.
// in: an ISO 8601 time, perhaps with a blank for the T, perhaps without a zone · out: the moment in milliseconds, or null

const TIME = /^(\d{4})-(\d{2})-(\d{2})[T ]\d{2}:\d{2}/;
const ZONE = /(Z|[+-]\d{2}:?\d{2})$/;

/** The moment that a text names; null where it names none. Without a zone it is `momentOf` what UTC's clocks show then: UTC itself by default. */
export const isoTimeMs = (text: string, momentOf: (asUtc: number) => number = (asUtc) => asUtc): number | null => {
  const parts = TIME.exec(text);
  if (parts === null || !hasDay(Number(parts[1]), Number(parts[2]), Number(parts[3]))) return null;
  const hasZone = ZONE.test(text);
  const time = text.replace(' ', 'T');
  const ms = Date.parse(hasZone ? time : `${time}Z`);
  return Number.isNaN(ms) ? null : hasZone ? ms : momentOf(ms);
};

/** The parser of dates takes the 30th of February for the 2nd of March. */
const hasDay = (year: number, month: number, day: number): boolean =>
  day <= 28 || new Date(Date.UTC(year, month - 1, day)).getUTCMonth() === month - 1;
