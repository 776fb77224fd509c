// bin/duration: how long, as people write it.
// in: words · out: minutes

const MINUTES = { m: 1, h: 60, d: 1440 } as const;

/** The minutes of a duration like 90m, 2h or 3d; null for anything else. */
export const minutesOf = (text: string | undefined): number | null => {
  const read = /^(\d+(?:\.\d+)?)([mhd])$/.exec(text ?? '');
  return read === null ? null : Math.round(Number(read[1]) * MINUTES[read[2] as keyof typeof MINUTES]);
};
