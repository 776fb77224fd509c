import { describe, expect, it } from 'vitest';
import { boundsWithin } from '../../lib/consumer/lane-limit.ts';

describe('boundsWithin', () => {
  const tuning = { concurrencyPerShard: { from: 2, to: 8 }, checkpointMs: { from: 1000, to: 2000 } };

  it('ends the bounds where the processor ends', () => {
    expect(boundsWithin(tuning, { maxConcurrencyPerShard: 4 })).toEqual({ ...tuning, concurrencyPerShard: { from: 2, to: 4 } });
    expect(boundsWithin(tuning, { maxConcurrencyPerShard: 8 })).toEqual(tuning);
    expect(boundsWithin(tuning, {})).toEqual(tuning);
  });

  it('leaves the setting out where none of its values can be borne', () => {
    expect(boundsWithin(tuning, { maxConcurrencyPerShard: 1 })).toEqual({ checkpointMs: tuning.checkpointMs });
  });
});
