import { describe, expect, it } from 'vitest';
import { leadTimesOf } from '../../lib/feedback/lead-times.ts';
import { proposerTrustOf } from '../../lib/feedback/proposer-trust.ts';
import { quantileOf } from '../../lib/feedback/quantile.ts';
import { scoreForecasts } from '../../lib/feedback/score-forecasts.ts';
import { suitabilityOf } from '../../lib/feedback/worker-suitability.ts';
import type { DemandSeries } from '../../lib/model/demand.ts';
import type { Forecast } from '../../lib/model/forecast.ts';
import { WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import type { HandoverOutcome, ReshardOutcome } from '../../lib/model/operation.ts';

const START = Date.UTC(2026, 10, 21);
const minute = (count: number) => START + count * 60_000;
const forecast: Forecast = {
  streamName: 'orders',
  scope: 'stream',
  hashKeyRange: WHOLE_RANGE,
  metric: 'records',
  issuedAtMs: minute(10) + 5000,
  observedUntilMs: minute(10),
  lastObserved: 10,
  horizonsSec: [60, 300],
  quantiles: [
    [8, 8],
    [10, 12],
    [14, 16],
    [15, 18],
  ],
  windowMaxQuantiles: [
    [8, 9],
    [10, 13],
    [14, 19],
    [16, 20],
  ],
  model: 'incremental',
  reason: 'as the test says',
  scores: [],
  status: 'ready',
  historyMinutes: 10,
};
const series = (values: number[]): DemandSeries => ({
  streamName: 'orders',
  hashKeyRange: WHOLE_RANGE,
  metric: 'records',
  startMs: START,
  stepSec: 60,
  values: Float64Array.from(values),
  censored: new Uint8Array(values.length),
});
const past = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

describe('scoreForecasts', () => {
  it('compares each horizon with its minute and the highest of its window', () => {
    const outcomes = scoreForecasts([forecast], [series([...past, 11, 25, 12, 13, 14, 99])], minute(20));
    expect(outcomes).toMatchObject([
      {
        horizonSec: 60,
        median: 10,
        upper95: 15,
        windowMax95: 16,
        observed: 11,
        observedMax: 11,
        atMs: minute(11),
        model: 'incremental',
      },
      { horizonSec: 300, median: 12, upper95: 18, windowMax95: 20, observed: 14, observedMax: 25, atMs: minute(15) },
    ]);
    expect(new Set(outcomes.map((o) => o.operationId)).size).toBe(2);
  });

  it('gives the same id whenever it is asked', () => {
    const came = [series([...past, 11, 25, 12, 13, 14])];
    expect(scoreForecasts([forecast], came, minute(99)).map((o) => o.operationId)).toEqual(
      scoreForecasts([forecast], came, minute(15)).map((o) => o.operationId),
    );
  });

  it('leaves out what has not come yet, is unknown, or belongs to another series', () => {
    const horizons = (values: number[], nowMs: number) =>
      scoreForecasts([forecast], [series(values)], nowMs).map((o) => o.horizonSec);
    expect(horizons([...past, 11, 12, 13, 14, 15], minute(14))).toEqual([60]);
    expect(horizons([...past, 11], minute(99))).toEqual([60]);
    expect(horizons([...past, Number.NaN, 12, 13, 14, 15], minute(99))).toEqual([300]);
    expect(horizons([...past, Number.NaN, Number.NaN, 13, 14, 15], minute(99))).toEqual([]);
    expect(scoreForecasts([{ ...forecast, metric: 'bytes' }], [series([...past, 1])], minute(99))).toEqual([]);
  });
});

const reshard = (updatingMs: number, result: ReshardOutcome['result'] = 'done'): ReshardOutcome => ({
  kind: 'reshard',
  streamName: 'orders',
  atMs: START,
  operationId: 'x',
  result,
  change: 'split',
  shardIds: [],
  childShardIds: [],
  trigger: 'forecast',
  updatingMs,
  drainMs: updatingMs / 10,
  startedAtMs: START,
  detail: '',
});
const handover = (target: string, pauseMs: number | null, durationMs = 2000): HandoverOutcome => ({
  kind: 'handover',
  streamName: 'orders',
  atMs: START,
  operationId: 'x',
  result: pauseMs === null ? 'restored' : 'moved',
  shardId: 's',
  source: 'w0',
  target,
  trigger: 'forecast',
  ...(pauseMs === null ? {} : { pauseMs }),
  durationMs,
});

describe('leadTimesOf', () => {
  it('takes the upper quartile of what was carried out', () => {
    const times = leadTimesOf(
      [
        reshard(10_000),
        reshard(20_000),
        reshard(30_000),
        reshard(40_000),
        reshard(50_000),
        reshard(900_000, 'failed'),
        reshard(0, 'refused'),
      ],
      [handover('w1', 20, 1000), handover('w1', 20, 3000), handover('w1', null, 60_000)],
    );
    expect(times).toEqual({ reshardSec: 40, resizeSec: null, drainSec: 4, handoverSec: 2.5, samples: 5 });
  });

  it('knows nothing before anything was measured', () => {
    expect(leadTimesOf([], [])).toEqual({
      reshardSec: null,
      resizeSec: null,
      drainSec: null,
      handoverSec: null,
      samples: 0,
    });
  });
});

describe('quantileOf', () => {
  it('interpolates between neighbours', () => {
    expect(quantileOf([4, 1, 2, 3], 0.5)).toBe(2.5);
    expect(quantileOf([7], 0.99)).toBe(7);
    expect(quantileOf([], 0.5)).toBeNull();
  });
});

describe('suitabilityOf', () => {
  it('names workers whose handovers fail or pause long, and judges nobody by too little', () => {
    const outcomes = [
      ...[20, 22, 24].map((ms) => handover('good', ms)),
      ...[20, null, 24].map((ms) => handover('failing', ms)),
      ...[200, 220, 240].map((ms) => handover('slow', ms)),
      handover('new', null),
    ];
    expect(suitabilityOf(outcomes).map((s) => [s.workerId, s.verdict])).toEqual([
      ['failing', 'underperforms'],
      ['good', 'suitable'],
      ['new', 'not-enough-attempts'],
      ['slow', 'underperforms'],
    ]);
    expect(suitabilityOf(outcomes)[3]?.reason).toContain('220 ms');
  });
});

describe('proposerTrustOf', () => {
  const proposed = (trigger: string, pauses: (number | null)[]) =>
    pauses.map((pauseMs) => ({ ...handover('w1', pauseMs), trigger }));

  it('distrusts whose shadows mostly fail or pause long, with the numbers', () => {
    const outcomes = [
      ...proposed('forecast', [null, 20, null, 200, 22]),
      ...proposed('reactive', [20, 21, 22, null]),
      ...proposed('request', [null, null, null]),
    ];
    const [forecast, reactive, request] = proposerTrustOf(outcomes, START + 60_000);
    expect(forecast).toMatchObject({ trigger: 'forecast', verdict: 'distrusted', underperformed: 3, attempts: 5 });
    expect(forecast?.reason).toBe(
      '3 of 5 shadows proposed by forecast in the last 6 h underperformed when they were to take over.',
    );
    expect(reactive).toMatchObject({ trigger: 'reactive', verdict: 'trusted' });
    expect(reactive!.trust).toBeGreaterThan(forecast!.trust);
    expect(request).toMatchObject({ trigger: 'request', verdict: 'not-enough-attempts' });
  });

  it('forgets after six hours, so that who is not trusted may show itself again', () => {
    const failed = proposed('forecast', [null, null, null, null, null]);
    expect(proposerTrustOf(failed, START + 5 * 3_600_000)[0]?.verdict).toBe('distrusted');
    expect(proposerTrustOf(failed, START + 6 * 3_600_000)).toEqual([]);
  });
});
