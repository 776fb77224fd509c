// lib/history: which counters may become history.
// in: counters as they are stored, now · out: those that may, and the others with the reason
import { type DemandCounters, MINUTE_MS } from '../model/demand.ts';

/** A record's arrival is stamped by Kinesis, so that a minute that has not begun by our clock is wrong by one clock or the other. */
export const CLOCK_SKEW_MS = MINUTE_MS;
/** Counters live so long: of an older minute not all are there any more, and a part would replace the whole. */
export const COUNTERS_LIVE_MS = 2 * 1440 * MINUTE_MS;

/** A minute of one worker that does not become history. */
export interface Refusal {
  readonly kind: 'in-the-future' | 'too-long-ago';
  readonly workerId: string;
  readonly shardId: string;
  readonly minuteMs: number;
  /** One sentence with the numbers. */
  readonly reason: string;
}

/** Refuses minutes that have not begun yet (a minute of clock skew is let pass) and those of which counters may have expired. */
export const admitCounters = (
  counters: readonly DemandCounters[],
  nowMs: number,
): { admitted: DemandCounters[]; refused: Refusal[] } => {
  const refused: Refusal[] = [];
  const admitted = counters.filter(({ workerId, shardId, minuteMs }) => {
    const aheadSec = (minuteMs - nowMs) / 1000;
    const [ahead, behind] = [minuteMs > nowMs + CLOCK_SKEW_MS, minuteMs < nowMs - COUNTERS_LIVE_MS];
    if (ahead || behind)
      refused.push({
        kind: ahead ? 'in-the-future' : 'too-long-ago',
        workerId,
        shardId,
        minuteMs,
        reason: ahead
          ? `${workerId} counted ${shardId} in a minute ${Math.round(aheadSec)} s ahead of now; at most ${CLOCK_SKEW_MS / 1000} s are let pass`
          : `${workerId} counted ${shardId} in a minute ${Math.round(-aheadSec)} s ago; counters live ${COUNTERS_LIVE_MS / 1000} s`,
      });
    return !ahead && !behind;
  });
  return { admitted, refused };
};
