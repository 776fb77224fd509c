// console/format: numbers, times and names as people read them.

/** `shardId-000000000007` is known as `7` among its siblings. */
export const shardName = (shardId: string): string =>
  shardId === '*' ? 'all shards' : (/^shardId-0*(\d+)$/.exec(shardId)?.[1] ?? shardId);

export const percent = (share: number | null): string => (share === null ? '–' : `${Math.round(share * 100)} %`);

export const rate = (value: number | null): string =>
  value === null
    ? '–'
    : value >= 10_000
      ? `${(value / 1000).toFixed(value >= 100_000 ? 0 : 1)} k`
      : value >= 100
        ? value.toFixed(0)
        : value.toFixed(1).replace(/\.0$/, '');

/** Milliseconds as the shortest exact enough text. */
export const duration = (ms: number | null): string => {
  if (ms === null) return '–';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  const minutes = Math.floor(ms / 60_000);
  return minutes < 60
    ? `${minutes} min${ms % 60_000 >= 1000 ? ` ${Math.floor((ms % 60_000) / 1000)} s` : ''}`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
};

const clockFormat = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hour12: false });
const secondsFormat = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
});
export const clock = (ms: number): string => clockFormat.format(ms);
export const clockSeconds = (ms: number): string => secondsFormat.format(ms);

export const bytes = (count: number): string =>
  count < 1024 ? `${count} B` : count < 1_048_576 ? `${(count / 1024).toFixed(1)} KiB` : `${(count / 1_048_576).toFixed(1)} MiB`;

export const count = (value: number, one: string, many = `${one}s`): string =>
  `${value.toLocaleString('en')} ${value === 1 ? one : many}`;
