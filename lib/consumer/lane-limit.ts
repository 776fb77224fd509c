// lib/consumer: how many calls side by side within a shard a processor can bear.
// in: what it declares, the settings · out: what contradicts it; bounds for tuning that do not
import type { Finding } from '../model/finding.ts';
import type { TuningBounds } from '../model/tuning.ts';
import type { ConsumerSettings } from './options.ts';
import type { Processor } from './processor.ts';

/** The settings that ask for more than the processor bears: a Consumer with them does not start, since its calls would fail. */
export const laneFindings = (
  { concurrencyPerShard, tuning }: Pick<ConsumerSettings, 'concurrencyPerShard' | 'tuning'>,
  { maxConcurrencyPerShard: most }: Pick<Processor, 'maxConcurrencyPerShard'>,
): Finding[] => {
  if (most === undefined) return [];
  const asked = [
    { what: 'concurrencyPerShard', value: concurrencyPerShard },
    { what: 'tuning.concurrencyPerShard.to', value: tuning.concurrencyPerShard?.to ?? 1 },
  ];
  return asked
    .filter(({ value }) => value > most)
    .map(({ what, value }) => ({
      kind: 'too-many-lanes',
      what,
      received: String(value),
      allowed: `at most ${most}, which the processor declares by maxConcurrencyPerShard`,
      doThis: `set ${what} to ${most} or less, or use a processor that bears more calls of one shard side by side`,
      fatal: true,
    }));
};

/** The declared bounds, as far as the processor bears them: what is told to the control plane and taken from it. */
export const boundsWithin = (
  tuning: TuningBounds,
  { maxConcurrencyPerShard: most }: Pick<Processor, 'maxConcurrencyPerShard'>,
): TuningBounds => {
  const { concurrencyPerShard: lanes, ...others } = tuning;
  if (most === undefined || lanes === undefined || lanes.to <= most) return tuning;
  return lanes.from <= most ? { ...others, concurrencyPerShard: { from: lanes.from, to: most } } : others;
};
