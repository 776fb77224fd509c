// lib/profile: windows taken leg by leg, and what the process spent beside them.
// in: the windows of a run · out: per window what the wanted legs did, net of the host's base load
import type { LegWindow, ProfilingLeg, ProfilingWindow } from '../model/profiling.ts';

const sum = <T>(all: readonly T[], of: (each: T) => number): number => all.reduce((total, each) => total + of(each), 0);

/** Legs that run the processor as it is: two looks at the same thing. */
export const CURRENT: readonly ProfilingLeg[] = ['a', 'aa'];
/** The legs that run the other variant. */
export const OTHER: readonly ProfilingLeg[] = ['b'];

/** What the process spends by itself, as shares of a core and of its event loop. */
export interface BaseLoad {
  readonly cpuShare: number;
  readonly loopShare: number;
  /** The main thread waited for a core. */
  readonly stolenShare: number;
  /** Records of the host's own shards, per second: they are in the shares. */
  readonly ownRecordsPerSec: number;
}

interface Loops {
  readonly idleMs: number;
  readonly legsMs: readonly number[];
}

/** How long the event loop was busy by each, without what it waited for a core; null where the system does not tell that. */
const loopsOf = ({ idle, legs }: ProfilingWindow): Loops | null => {
  const net = ({ loopBusyMs, stolenMs }: { loopBusyMs: number; stolenMs?: number | null | undefined }) =>
    stolenMs === null || stolenMs === undefined ? null : Math.max(loopBusyMs - stolenMs, 0);
  const idleMs = net(idle);
  const legsMs = legs.flatMap((leg) => net(leg) ?? []);
  return idleMs === null || legsMs.length < legs.length ? null : { idleMs, legsMs };
};

/**
 * The window's CPU, by whose turn it was. The kernel counts a thread's CPU by its ticks of some milliseconds, so that a short turn's is counted when the next one
 * has begun; the whole window's is right. It is divided as the event loop was busy, which is exact; where cores are scarce that is longer, but for all alike.
 */
const cpuOf = ({
  process: spent,
  idle,
  legs,
}: ProfilingWindow): { readonly idleMs: number; readonly legsMs: readonly number[] } => {
  const all = idle.loopBusyMs + sum(legs, ({ loopBusyMs }) => loopBusyMs);
  if (all === 0) return { idleMs: idle.cpuMs, legsMs: legs.map(({ cpuMs }) => cpuMs) };
  const perLoopMs = (spent.userMs + spent.systemMs) / all;
  return { idleMs: idle.loopBusyMs * perLoopMs, legsMs: legs.map(({ loopBusyMs }) => loopBusyMs * perLoopMs) };
};

/** The base load over all windows: what was spent while no leg had its turn, some of which had to wait until a turn that computes was over. */
export const baseLoadOf = (windows: readonly ProfilingWindow[]): BaseLoad => {
  const ms = Math.max(
    sum(windows, ({ idle, legs }) => idle.ms + sum(legs, ({ turnMs, ioWaitMs }) => Math.max(turnMs - ioWaitMs, 0))),
    1,
  );
  const durationMs = Math.max(
    sum(windows, (window) => window.durationMs),
    1,
  );
  return {
    cpuShare: sum(windows, (window) => cpuOf(window).idleMs) / ms,
    loopShare: Math.min(sum(windows, (window) => loopsOf(window)?.idleMs ?? window.idle.loopBusyMs) / ms, 1),
    stolenShare: Math.min(sum(windows, ({ idle }) => idle.stolenMs ?? 0) / ms, 1),
    ownRecordsPerSec: (sum(windows, ({ ownRecords }) => ownRecords) * 1000) / durationMs,
  };
};

/** One window of the wanted legs together, with what their turns cost beyond the base load, which goes on while they wait. */
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

/**
 * The share of the calls' time in which they had a core when they wanted one. What the base load waits for one, while the turn itself waits, held up no call; no more than the loop was busy can
 * have done so; and it held up the call that computed, not those of other lanes that waited anyway.
 */
const awakeShare = ({ callMs, stolenMs, ioWaitMs, loopBusyMs }: LegWindow, { stolenShare }: BaseLoad): number => {
  const heldUpMs = Math.min(Math.max((stolenMs ?? 0) - stolenShare * ioWaitMs, 0), loopBusyMs, callMs);
  return callMs <= 0 ? 1 : 1 - heldUpMs / callMs;
};

const sampleOf = (window: ProfilingWindow, wanted: readonly ProfilingLeg[], base: BaseLoad): LegSample | null => {
  const [cpu, loops] = [cpuOf(window), loopsOf(window)];
  const rows = window.legs
    .map((leg, i) => ({
      leg,
      cpuMs: (cpu.legsMs[i] ?? leg.cpuMs) - base.cpuShare * leg.ioWaitMs,
      loopMs: (loops?.legsMs[i] ?? leg.loopBusyMs) - base.loopShare * leg.ioWaitMs,
      awake: awakeShare(leg, base),
    }))
    .filter(({ leg }) => wanted.includes(leg.leg) && leg.records > 0);
  const [first] = rows;
  if (first === undefined) return null;
  return {
    records: sum(rows, ({ leg }) => leg.records),
    bytes: sum(rows, ({ leg }) => leg.bytes),
    failed: sum(rows, ({ leg }) => leg.failed),
    cpuMs: sum(rows, ({ cpuMs }) => cpuMs),
    loopMs: sum(rows, ({ loopMs }) => loopMs),
    calls: sum(rows, ({ leg }) => leg.calls),
    callMs: sum(rows, ({ leg, awake }) => leg.callMs * awake),
    callRecords: sum(rows, ({ leg }) => leg.callRecords),
    callRecordsSquared: sum(rows, ({ leg }) => leg.callRecordsSquared),
    callRecordsMs: sum(rows, ({ leg, awake }) => leg.callRecordsMs * awake),
    lanes: first.leg.lanes,
    maxBatchRecords: first.leg.maxBatchRecords,
  };
};

/** The windows in which the wanted legs processed anything. Legs of one window saw the same records at the same time: they are one look, not two. */
export const samplesOf = (windows: readonly ProfilingWindow[], wanted: readonly ProfilingLeg[], base: BaseLoad): LegSample[] =>
  windows.filter(({ phase }) => phase === 'observing').flatMap((window) => sampleOf(window, wanted, base) ?? []);
