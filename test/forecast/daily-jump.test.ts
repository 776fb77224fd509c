import { describe, expect, it } from 'vitest';
import { IncrementalForecaster } from '../../lib/forecast/incremental-forecaster.ts';
import { MIDNIGHT, noise } from './series.ts';

const OPENING_MIN = 540;

/** A calm load that doubles at 09:00, within five minutes, as on each of the days before. */
const opening = (): Float64Array => {
  const next = noise();
  return Float64Array.from({ length: 3 * 1440 + OPENING_MIN }, (_, i) => {
    const inDay = i % 1440;
    const open = Math.min(Math.max((inDay - OPENING_MIN) / 5, 0), 1) * Math.exp(-Math.max(inDay - OPENING_MIN, 0) / 240);
    return 1000 * (1 + 0.2 * Math.sin((2 * Math.PI * (inDay - 420)) / 1440) + open) * (1 + 0.01 * next());
  });
};

/** The median for 15 minutes later, foreseen from the end of each minute of the last quarter of an hour before the jump; `disturb` changes what the last day brings. */
const foreseen = (disturb: (value: number, minutesBefore: number) => number = (value) => value): number[] => {
  const values = opening();
  const make = { horizonSteps: [5, 15], stepSec: 60, startMs: MIDNIGHT, meanDemand: 1300, scale: 'between' as const };
  const forecaster = new IncrementalForecaster(make);
  const medians: number[] = [];
  values.forEach((value, step) => {
    const before = values.length - step - 1;
    forecaster.learn(before < 15 ? disturb(value, before) : value);
    if (before < 10) medians.push(forecaster.forecast().quantiles[1]![1]!);
  });
  return medians;
};

describe('IncrementalForecaster before a daily jump', () => {
  it('foresees it in the very last minutes as well', () => {
    for (const median of foreseen()) expect(median).toBeGreaterThan(1750);
  });

  it('is not led astray by two minutes in which little came', () => {
    const medians = foreseen((value, before) => (before === 4 || before === 3 ? 0.85 * value : value));
    for (const median of medians) expect(median).toBeGreaterThan(1500);
  });

  it('believes a load that falls and stays down', () => {
    expect(foreseen((value) => value / 4).at(-1)).toBeLessThan(1000);
  });
});
