// bin/calendar-file: the days of a calendar that somebody keeps.
// in: iCalendar (.ics) or one date per line, perhaps with a name after a comma · out: its days, or the line that is wrong
//
// No calendar of holidays is shipped: the well-kept library of them (date-holidays) weighs 45 MB with what it brings, is right only until a country changes its mind,
// and knows no school holidays or sales. Every country and every office suite publishes .ics.

export type CalendarResult =
  | { readonly kind: 'days'; readonly dates: readonly string[] }
  | { readonly kind: 'refused'; readonly message: string };

const DAY_MS = 86_400_000;
const MOST = 1000;

/** Reads the days, in order, each once. */
export const parseCalendar = (text: string, file: string): CalendarResult => {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const read = lines.some((line) => line.trim() === 'BEGIN:VCALENDAR') ? fromIcs(lines, file) : fromList(lines, file);
  if (read.kind === 'refused') return read;
  const dates = [...new Set(read.dates)].sort();
  if (dates.length === 0)
    return { kind: 'refused', message: `${file}: has no day; expected .ics or one date YYYY-MM-DD per line` };
  if (dates.length > MOST) return { kind: 'refused', message: `${file}: has ${dates.length} days; at most ${MOST} are allowed` };
  return { kind: 'days', dates };
};

const isDate = (text: string): boolean => {
  const ms = Date.parse(`${text}T00:00:00Z`);
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
};

const fromList = (lines: readonly string[], file: string): CalendarResult => {
  const dates: string[] = [];
  for (const [i, line] of lines.entries()) {
    const date = line.split(',')[0]!.trim();
    if (date === '' || date.startsWith('#') || (i === 0 && date.toLowerCase() === 'date')) continue;
    if (!isDate(date))
      return { kind: 'refused', message: `${file}:${i + 1}: must begin with a date YYYY-MM-DD, got ${JSON.stringify(date)}` };
    dates.push(date);
  }
  return { kind: 'days', dates };
};

/** Whole days from DTSTART to before DTEND. Repeating entries would be days that the file does not name: refused. */
const fromIcs = (lines: readonly string[], file: string): CalendarResult => {
  const dates: string[] = [];
  let start: { date: string; line: number } | null = null;
  let end: string | null = null;
  for (const [i, line] of lines.entries()) {
    const refused = (wrong: string): CalendarResult => ({ kind: 'refused', message: `${file}:${i + 1}: ${wrong}` });
    const [name = '', value = ''] = line.split(/:(.*)/s);
    const property = name.split(';')[0]!.toUpperCase();
    if (property === 'BEGIN' && value.trim() === 'VEVENT') [start, end] = [null, null];
    else if (property === 'RRULE' || property === 'RDATE')
      return refused(`${property} is not read; export the calendar with single days, got ${value.trim()}`);
    else if (property === 'DTSTART' || property === 'DTEND') {
      const digits = /^(\d{4})(\d{2})(\d{2})(T\d{6}Z?)?$/.exec(value.trim());
      const date = digits === null ? '' : `${digits[1]}-${digits[2]}-${digits[3]}`;
      if (!isDate(date)) return refused(`${property} must be a day YYYYMMDD, got ${JSON.stringify(value.trim())}`);
      if (property === 'DTSTART') start = { date, line: i };
      else end = date;
    } else if (property === 'END' && value.trim() === 'VEVENT') {
      if (start === null) return refused('ends an event without DTSTART');
      const first = Date.parse(`${start.date}T00:00:00Z`);
      const last = Math.max(first + DAY_MS, end === null ? 0 : Date.parse(`${end}T00:00:00Z`));
      if (last - first > 366 * DAY_MS) return refused(`an event lasts at most a year, got ${start.date} to ${end}`);
      for (let ms = first; ms < last; ms += DAY_MS) dates.push(new Date(ms).toISOString().slice(0, 10));
    }
  }
  return { kind: 'days', dates };
};
