import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Policy } from '../../lib/model/policy.ts';
import { sizeStream } from '../../lib/plan/size-stream.ts';
import { runEvenStream, type Sizer } from '../../lib/simulate/even-stream.ts';
import { penumbraSizer } from '../../lib/simulate/penumbra-sizer.ts';
import { tracking } from '../../lib/simulate/rivals.ts';

const policy = Policy.parse({ application: 'a', streamName: 's', maxShards: 1000 });
/** Never exactly on a multiple of the target, where rounding would decide who has one more. */
const load = fc.integer({ min: 0, max: 300 }).map((tenths) => tenths / 10 + 0.01);
/** A burst that nothing announces, which rises in steps, as [minutes, shards' worth]. */
const burst = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 25 }), load), { minLength: 1, maxLength: 12 })
  .map((steps) => steps.sort(([, a], [, b]) => a - b));
const demandOf = (parts: readonly (readonly [number, number])[]) => ({
  startMs: 0,
  minutes: Float64Array.from([[20, 3] as const, ...parts].flatMap(([minutes, load]) => new Array<number>(minutes).fill(load))),
});

describe('the reactive net', () => {
  it('never throttles more than target tracking where nothing was foreseen, for every rise and duration of operations', () => {
    fc.assert(
      fc.property(burst, fc.constantFrom(15, 30, 60, 120), (parts, operationSec) => {
        const demand = demandOf(parts);
        const run = (sizer: Sizer) => runEvenStream(demand, sizer, { fromMinute: 15, operationSec, startShards: 5 });
        // Without a forecast nothing is given back: no merge is planned (`no-forecast`).
        const ours: Sizer = ({ shards, ago }) => {
          const aheadWithin = () => ({ quantiles: [], now: ago(1) });
          const sizing = sizeStream({ shards, aheadWithin }, policy, { reshardSec: operationSec });
          const most = Math.max(Math.floor(60 / operationSec), 1);
          return sizing.kind === 'grow' ? Math.min(sizing.to, shards + most) : shards;
        };
        expect(run(ours).throttledShare).toBeLessThanOrEqual(run(tracking()).throttledShare + 1e-9);
      }),
      { numRuns: 400 },
    );
  });

  it('meets a burst that a calm forecast denies as fast as without one', () => {
    const demand = demandOf([
      [10, 12],
      [10, 3],
    ]);
    const calm = { quantiles: [], windowMaxQuantiles: [3, 3, 3, 3].map((bound) => new Array<number>(9).fill(bound)) };
    const forecasts = Array.from({ length: demand.minutes.length }, () => calm);
    const run = (sizer: Sizer) => runEvenStream(demand, sizer, { fromMinute: 15, operationSec: 30, startShards: 5 });
    const ours = run(penumbraSizer(forecasts, 15, policy, 30));
    expect(ours.throttledMinutes).toBeLessThan(run(tracking()).throttledMinutes);
    expect(ours.worstLagSec).toBeLessThan(run(tracking()).worstLagSec);
  });
});
