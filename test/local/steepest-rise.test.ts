import { describe, expect, it } from 'vitest';
import { defaultNowMinute, steepestRise } from '../../local/steepest-rise.ts';
import { syntheticTrace } from '../../local/synthetic-trace.ts';
import { perMinute } from '../../local/trace.ts';

const flat = (length: number, change: (minutes: Float64Array) => void) => {
  const minutes = new Float64Array(length).fill(10);
  change(minutes);
  return minutes;
};

describe('steepestRise', () => {
  it('finds the ten minutes over which the load rises most', () => {
    const minutes = flat(3000, (m) => m.fill(50, 2000).fill(30, 2500));
    expect(steepestRise(minutes)).toEqual({ minute: 1990, rise: 40 });
  });

  it('passes over gaps', () => {
    const minutes = flat(3000, (m) => {
      m.fill(Number.NaN, 1900, 2000).fill(50, 2000).fill(80, 2500);
    });
    expect(steepestRise(minutes)).toEqual({ minute: 2490, rise: 30 });
  });

  it('leaves a day of history before it when the trace is long enough', () => {
    const minutes = flat(3000, (m) => m.fill(90, 300, 400).fill(20, 2000));
    expect(steepestRise(minutes)?.minute).toBe(1990);
  });

  it('takes any rise of a trace that is shorter than a day', () => {
    expect(steepestRise(flat(120, (m) => m.fill(20, 60)))?.minute).toBe(50);
  });

  it('finds none in a load that never rises', () => {
    expect(steepestRise(flat(3000, () => {}))).toBeNull();
  });
});

describe('defaultNowMinute', () => {
  it('is three minutes before the rise', () => {
    expect(defaultNowMinute(flat(3000, (m) => m.fill(50, 2000)))).toBe(1987);
  });
});

describe('syntheticTrace', () => {
  it('is the same for the same seed and says that it is synthetic', () => {
    const [one, two] = [syntheticTrace(3), syntheticTrace(3)];
    expect(one.total).toEqual(two.total);
    expect(one.synthetic).toBe(true);
    expect(syntheticTrace(4).total).not.toEqual(one.total);
  });

  it('has its steepest rise after three days of past', () => {
    const trace = syntheticTrace();
    const minute = defaultNowMinute(perMinute(trace.total, trace.stepMs));
    expect(minute).toBeGreaterThan(3 * 1440);
  });
});
