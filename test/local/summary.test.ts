import { describe, expect, it } from 'vitest';
import type { Forecast } from '../../lib/model/forecast.ts';
import { WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import type { HandoverOutcome, ReshardOutcome } from '../../lib/model/operation.ts';
import { loadOf } from '../../local/load.ts';
import { complaintsOf, percentile, type RunFacts, summarize, summaryText } from '../../local/summary.ts';

const nowMs = Date.UTC(2026, 10, 21, 12, 0);
const load = loadOf(
  { name: 'step', synthetic: false, startMs: 0, stepMs: 60_000, total: new Float64Array(300).fill(100).fill(200, 210), keys: [] },
  200,
  300,
);
const reshard = (change: Partial<ReshardOutcome> = {}): ReshardOutcome => ({
  streamName: 'orders',
  kind: 'reshard',
  result: 'done',
  change: 'split',
  shardIds: ['a'],
  childShardIds: ['b', 'c'],
  trigger: 'forecast',
  operationId: 'split-a',
  updatingMs: 900,
  drainMs: 400,
  startedAtMs: nowMs + 90_000,
  atMs: nowMs + 95_000,
  detail: '',
  ...change,
});
const handover = (pauseMs: number, change: Partial<HandoverOutcome> = {}): HandoverOutcome => ({
  streamName: 'orders',
  kind: 'handover',
  result: 'moved',
  shardId: 'b',
  source: 'worker-a',
  target: 'worker-c',
  trigger: 'forecast',
  operationId: `handover-${pauseMs}`,
  pauseMs,
  durationMs: 1500,
  atMs: nowMs + 200_000,
  ...change,
});
const forecast: Forecast = {
  streamName: 'orders',
  scope: 'stream',
  hashKeyRange: WHOLE_RANGE,
  metric: 'records',
  issuedAtMs: nowMs + 60_000,
  observedUntilMs: nowMs + 60_000,
  lastObserved: 150,
  horizonsSec: [300, 1800],
  quantiles: [],
  windowMaxQuantiles: [[], [], [], [170, 310.44]],
  model: 'incremental',
  reason: '',
  scores: [],
  status: 'ready',
  historyMinutes: 200,
};
const facts = (change: Partial<RunFacts> = {}): RunFacts => ({
  commit: 'abc',
  node: 'v24',
  cores: 2,
  trace: 'step',
  produced: 1000,
  processed: 1000,
  lost: 0,
  duplicated: 0,
  reordered: 0,
  fenced: 0,
  load,
  nowMs,
  endMs: nowMs + 240_000,
  overCapacityAfterMin: 9,
  forecast,
  reshards: [reshard()],
  handovers: [handover(31), handover(20), handover(90)],
  killed: null,
  awaited: true,
  producerInversions: 0,
  ...change,
});

describe('summarize', () => {
  it('has the fields of the loop bench', () => {
    expect(summarize(facts())).toEqual({
      bench: 'loop',
      commit: 'abc',
      node: 'v24',
      cores: 2,
      trace: 'step',
      produced: 1000,
      processed: 1000,
      lost: 0,
      duplicated: 0,
      reordered: 0,
      foresightSec: 450,
      forecastPeak: 310.4,
      actualPeak: 300,
      splits: 1,
      merges: 0,
      handovers: 3,
      pauseMsP50: 31,
      pauseMsP99: 90,
      seconds: 240,
      killed: null,
      fenced: 0,
    });
  });

  it('counts foresight from the first foreseen split, and none where only the reactive net acted', () => {
    const late = reshard({ operationId: 'late', startedAtMs: nowMs + 600_000 });
    const reactive = reshard({ operationId: 'reactive', trigger: 'reactive', startedAtMs: nowMs });
    expect(summarize(facts({ reshards: [late, reactive] })).foresightSec).toBe(-60);
    expect(summarize(facts({ reshards: [reactive] })).foresightSec).toBeNull();
    expect(summarize(facts({ overCapacityAfterMin: null })).foresightSec).toBeNull();
  });

  it('counts only what was done', () => {
    const summary = summarize(
      facts({
        reshards: [reshard(), reshard({ result: 'refused' }), reshard({ change: 'merge' })],
        handovers: [handover(5), handover(7, { result: 'restored' })],
      }),
    );
    expect(summary).toMatchObject({ splits: 1, merges: 1, handovers: 1, pauseMsP99: 5 });
  });
});

describe('complaintsOf', () => {
  const of = (change: Partial<RunFacts>) => complaintsOf(facts(change), summarize(facts(change)));

  it('finds nothing in a good run', () => {
    expect(of({})).toEqual([]);
  });

  it('names what did not come, with what came instead', () => {
    expect(of({ reshards: [reshard({ trigger: 'reactive' })], handovers: [] })).toEqual([
      'no foreseen reshard came (but reactive done)',
      'no foreseen handover came',
    ]);
    expect(of({ reshards: [], handovers: [], awaited: false })).toEqual([]);
  });

  it('names each way in which records went wrong', () => {
    expect(of({ lost: 2, reordered: 1, duplicated: 3 })).toEqual([
      '2 records were lost',
      '1 records came out of order within their key',
      '3 records came twice',
    ]);
  });

  it('takes duplicates after a kill as what at-least-once allows, but neither loss nor disorder', () => {
    const killed = { workerId: 'worker-a', afterSec: 30 };
    expect(of({ duplicated: 3, killed })).toEqual([]);
    expect(of({ lost: 1, duplicated: 3, killed })).toEqual(['1 records were lost']);
  });

  it('does not call a split that began too late foreseen', () => {
    expect(of({ overCapacityAfterMin: 1 })).toEqual([
      'the split began 30 s after the old layout would have been over its capacity',
    ]);
  });
});

describe('summaryText', () => {
  it('says the verdict last', () => {
    const summary = summarize(facts());
    expect(summaryText(summary, []).split('\n').at(-1)).toMatch(/verdict +good$/);
    expect(summaryText(summary, ['2 records were lost']).split('\n').at(-1)).toMatch(/verdict +2 records were lost$/);
  });
});

describe('percentile', () => {
  it('is the nearest rank, and null of nothing', () => {
    expect(percentile([4, 1, 3, 2], 0.5)).toBe(2);
    expect(percentile([4, 1, 3, 2], 0.99)).toBe(4);
    expect(percentile([], 0.5)).toBeNull();
  });
});
