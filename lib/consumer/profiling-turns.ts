// lib/consumer: the turns of a profiling run: the same records to each leg, one leg after the other.
// in: sampled records · out: legs that have processed them, and a meter that knows whose turn it was
import type { ProfilingRequest } from '../model/profiling.ts';
import type { Clock } from '../ports.ts';
import type { ProfilingIntake } from './profiling-intake.ts';
import type { TurnMeter } from './profiling-meter.ts';
import type { ProfilingSides } from './profiling-sides.ts';

/** A try of other settings fills its turns as a loaded shard would: in a few records at a time, neither lanes nor calls show what they can. */
const GATHER_MS = 1000;

export interface ProfilingTurns {
  readonly request: Pick<ProfilingRequest, 'other'>;
  readonly intake: Pick<ProfilingIntake, 'next'>;
  readonly sides: Pick<ProfilingSides, 'legs' | 'given'>;
  readonly meter: Pick<TurnMeter, 'turnOf'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Turn by turn until the signal aborts, in an order that moves on, so that no leg always comes first. */
export const takeTurns = async ({ request: { other }, intake, sides, meter, clock, signal }: ProfilingTurns): Promise<void> => {
  const { legs } = sides;
  const most = Math.max(...legs.map((leg) => leg.turnRecords));
  const gatherMs = other?.maxBatchRecords === undefined && other?.concurrencyPerShard === undefined ? 0 : GATHER_MS;
  for (let turn = 0; !signal.aborted; turn += 1) {
    const records = await intake.next(most, gatherMs);
    sides.given(records);
    const first = turn % legs.length;
    const beganMs = clock.monotonicMs();
    for (const leg of [...legs.slice(first), ...legs.slice(0, first)]) {
      if (signal.aborted) return;
      meter.turnOf(leg.leg);
      await leg.turn(records, clock.monotonicMs() - beganMs);
      meter.turnOf(null);
    }
  }
};
