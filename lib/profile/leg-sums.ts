// lib/profile: windows taken leg by leg, and what the process spent beside them.
// in: the windows of a run · out: per window what the wanted legs did, net of the host's base load
import type { LegWindow, ProfilingLeg, ProfilingWindow } from '../model/profiling.ts';

/** Legs that run the processor as it is: two looks at the same thing. */
export const CURRENT: readonly ProfilingLeg[] = ['a', 'aa'];
/** The legs that run the other variant. */
export const OTHER: readonly ProfilingLeg[] = ['b'];

/** What the process spends by itself, as shares of a core and of its event loop. */
export interface BaseLoad {
  readonly cpuShare: number;
  readonly loopShare: number;
  /** Records of the host's own shards, per second: they are in the shares. */
  readonly ownRecordsPerSec: number;
}

const sum = <T>(all: readonly T[], of: (each: T) => number): number => all.reduce((total, each) => total + of(each), 0);

/** The base load over all windows: what was spent while no leg had its turn. */
export const baseLoadOf = (windows: readonly ProfilingWindow[]): BaseLoad => {
  const ms = Math.max(
    sum(windows, ({ idle }) => idle.ms),
    1,
  );
  return {
    cpuShare: sum(windows, ({ idle }) => idle.cpuMs) / ms,
    loopShare: Math.min(sum(windows, ({ idle }) => Math.max(idle.loopBusyMs - (idle.stolenMs ?? 0), 0)) / ms, 1),
    ownRecordsPerSec:
      (sum(windows, ({ ownRecords }) => ownRecords) * 1000) /
      Math.max(
        sum(windows, ({ durationMs }) => durationMs),
        1,
      ),
  };
};

/** One window of the wanted legs together, with what their turns cost beyond the base load. */
export interface LegSample {
  readonly records: number;
  readonly bytes: number;
  readonly failed: number;
  readonly cpuMs: number;
  readonly loopMs: number;
  readonly calls: number;
  /** Busy time of all lanes, without what the process waited for a core meanwhile. */
  readonly callMs: number;
  readonly callRecords: number;
  readonly callRecordsSquared: number;
  readonly callRecordsMs: number;
  readonly lanes: number;
  readonly maxBatchRecords: number;
}

/** The share of a leg's turns in which its process had a core when it wanted one. */
const awakeShare = ({ turnMs, stolenMs }: LegWindow): number => (turnMs <= 0 ? 1 : Math.max(1 - (stolenMs ?? 0) / turnMs, 0));

const sampleOf = (legs: readonly LegWindow[], base: BaseLoad): LegSample => ({
  records: sum(legs, (leg) => leg.records),
  bytes: sum(legs, (leg) => leg.bytes),
  failed: sum(legs, (leg) => leg.failed),
  cpuMs: sum(legs, (leg) => leg.cpuMs - base.cpuShare * leg.turnMs),
  loopMs: sum(legs, (leg) => leg.loopBusyMs - (leg.stolenMs ?? 0) - base.loopShare * leg.turnMs),
  calls: sum(legs, (leg) => leg.calls),
  callMs: sum(legs, (leg) => leg.callMs * awakeShare(leg)),
  callRecords: sum(legs, (leg) => leg.callRecords),
  callRecordsSquared: sum(legs, (leg) => leg.callRecordsSquared),
  callRecordsMs: sum(legs, (leg) => leg.callRecordsMs * awakeShare(leg)),
  lanes: legs[0]?.lanes ?? 1,
  maxBatchRecords: legs[0]?.maxBatchRecords ?? 1,
});

/** The windows in which the wanted legs processed anything. Legs of one window saw the same records at the same time: they are one look, not two. */
export const samplesOf = (windows: readonly ProfilingWindow[], wanted: readonly ProfilingLeg[], base: BaseLoad): LegSample[] =>
  windows
    .filter(({ phase }) => phase === 'observing')
    .map(({ legs }) => legs.filter((leg) => wanted.includes(leg.leg) && leg.records > 0))
    .filter((legs) => legs.length > 0)
    .map((legs) => sampleOf(legs, base));
