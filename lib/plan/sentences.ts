// lib/plan: the numbers of reasons, as text.
// in: numbers · out: short readable figures

/** A utilisation as whole per cent. */
export const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** Seconds as s, min or h. */
export const duration = (seconds: number): string => {
  const s = Math.round(seconds);
  if (s < 120) return `${s} s`;
  return s < 7200 ? `${Math.round(s / 60)} min` : `${(s / 3600).toFixed(1)} h`;
};

/** US dollars a month. */
export const dollars = (usd: number): string => `${usd < 0 ? '-' : ''}$${Math.abs(usd).toFixed(2)}`;

/** `1 shard`, `2 shards`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
