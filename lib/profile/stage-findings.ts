// lib/profile: which stage is slow.
// in: the latencies of each stage · out: each stage's share of the time; the slowest, where it stands out
import type { StageFinding } from '../model/profile-report.ts';
import { LATENCY_LEVELS, type ProfilingTotals } from '../model/profiling.ts';

const [P50, P99] = [LATENCY_LEVELS.indexOf(0.5), LATENCY_LEVELS.indexOf(0.99)];

/** The stages of leg `a`, slowest first. A nested stage is part of its outer one, and has its share of it. `noise` is relative: two stages that differ by less are alike. */
export const stageFindingsOf = (totals: ProfilingTotals, noise: number): StageFinding[] => {
  const leg = totals.legs.find((each) => each.leg === 'a');
  const stages = Object.entries(leg?.stages ?? {}).map(([stage, latency]) => ({ stage, latency }));
  const outer = stages.filter(({ stage }) => !stage.includes('/'));
  const all = outer.reduce((total, { latency }) => total + latency.totalMs, 0);
  const ordered = [...stages].sort((a, b) => b.latency.totalMs - a.latency.totalMs || (a.stage < b.stage ? -1 : 1));
  const [first, second] = [...outer].sort((a, b) => b.latency.totalMs - a.latency.totalMs);
  return ordered.map(({ stage, latency }) => ({
    stage,
    calls: latency.count,
    errors: latency.errors,
    meanMs: latency.count === 0 ? 0 : latency.totalMs / latency.count,
    p50Ms: latency.quantilesMs[P50] ?? 0,
    p99Ms: latency.quantilesMs[P99] ?? 0,
    shareOfTime: all === 0 ? 0 : Math.min(latency.totalMs / all, 1),
    slowest: stage === first?.stage && latency.totalMs > (second?.latency.totalMs ?? 0) * (1 + noise),
  }));
};
