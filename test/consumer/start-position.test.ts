import { describe, expect, it } from 'vitest';
import { memoryPorts } from '../../lib/adapters/memory/memory-ports.ts';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import { settingsOf } from '../../lib/consumer/options.ts';
import { type InitialPosition, startCheckpoint } from '../../lib/consumer/start-position.ts';
import { atTimestamp, Checkpoint, compareCheckpoints, timestampOf } from '../../lib/model/sequence-number.ts';
import { sampleLease } from '../support/sample-lease.ts';

const NOW = 1_800_000_000_123;

describe('startCheckpoint', () => {
  it('leaves TRIM_HORIZON, and makes a moment of a Date or of milliseconds', () => {
    expect(startCheckpoint('TRIM_HORIZON', {}, [], NOW)).toBe('TRIM_HORIZON');
    expect(startCheckpoint({ at: new Date(5000) }, { describedAtMs: 9 }, [], NOW)).toBe('AT_TIMESTAMP:5000');
    expect(startCheckpoint({ at: 5000 }, {}, [], NOW)).toBe('AT_TIMESTAMP:5000');
  });

  it('resolves LATEST once, by Kinesis’s clock, or by ours where it gives none', () => {
    expect(startCheckpoint('LATEST', { describedAtMs: NOW - 7000 }, [], NOW)).toBe(`AT_TIMESTAMP:${NOW - 7000}`);
    expect(startCheckpoint('LATEST', {}, [], NOW)).toBe(`AT_TIMESTAMP:${NOW}`);
  });
});

describe('startCheckpoint where leases exist', () => {
  it('goes back for LATEST to where they began, as near as they tell', () => {
    const lease = (checkpoint: string, createdAtMs: number) => sampleLease({ checkpoint, createdAtMs });
    const stream = { describedAtMs: NOW };
    expect(startCheckpoint('LATEST', stream, [lease('495', NOW - 500), lease(`AT_TIMESTAMP:${NOW - 90_000}`, 1)], NOW)).toBe(
      `AT_TIMESTAMP:${NOW - 90_000}`,
    );
    expect(startCheckpoint('LATEST', stream, [lease('495', NOW - 500)], NOW)).toBe(`AT_TIMESTAMP:${NOW - 60_500}`);
    expect(startCheckpoint({ at: 7 }, stream, [lease('495', NOW)], NOW)).toBe('AT_TIMESTAMP:7');
  });
});

describe('atTimestamp', () => {
  it('is a checkpoint that comes before every record, and names its moment', () => {
    const start = atTimestamp(1234.9);
    expect(Checkpoint.parse(start)).toBe('AT_TIMESTAMP:1234');
    expect(timestampOf(start)).toBe(1234);
    expect(timestampOf('TRIM_HORIZON')).toBeNull();
    expect(timestampOf('1234')).toBeNull();
    expect(compareCheckpoints(start, '1')).toBeLessThan(0);
    expect(compareCheckpoints(start, 'TRIM_HORIZON')).toBe(0);
  });

  it('fails to be read back when it is none', () => {
    expect(() => Checkpoint.parse('AT_TIMESTAMP:soon')).toThrow(/AT_TIMESTAMP:milliseconds/);
  });
});

describe('settingsOf', () => {
  const settings = (initialPosition: unknown) =>
    settingsOf({
      application: 'a',
      streamName: 's',
      workerId: 'w',
      ports: memoryPorts(scriptedClock(NOW)),
      processor: { process: async () => {} },
      initialPosition: initialPosition as InitialPosition,
    });

  it('takes the three ways to begin', () => {
    expect(settings('LATEST').initialPosition).toBe('LATEST');
    expect(settings({ at: NOW }).initialPosition).toEqual({ at: NOW });
    expect(settings({ at: new Date(NOW) }).initialPosition).toEqual({ at: new Date(NOW) });
  });

  it('fails on a moment in the future, which Kinesis would refuse at the first read, and says what to use', () => {
    expect(() => settings({ at: NOW + 1 })).toThrow(/initialPosition.at must not lie in the future, got 2027-.*use 'LATEST'/);
  });

  it('fails on anything else, and names what is allowed', () => {
    for (const wrong of ['NOW', { at: 'yesterday' }, { from: NOW }, { at: new Date('x') }])
      expect(() => settings(wrong)).toThrow(/initialPosition: must be 'TRIM_HORIZON', 'LATEST' or \{ at/);
    expect(() => settings({ at: -1 })).toThrow(/initialPosition.at.*>=0, got \{"at":-1\}/);
  });
});
