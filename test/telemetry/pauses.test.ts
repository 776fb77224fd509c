import { describe, expect, it } from 'vitest';
import { Pauses } from '../../lib/telemetry/pauses.ts';

const paused = { kind: 'paused', shardId: 's', handoverId: 'h' } as const;
const resumed = { kind: 'resumed', shardId: 's', handoverId: 'h' } as const;
const handedOver = { kind: 'handed-over', shardId: 's', handoverId: 'h', to: 'b' } as const;

describe('Pauses', () => {
  it('answers how long a shard stood still, when it was handed over or taken back', () => {
    const pauses = new Pauses();
    expect(pauses.note(paused, 100)).toBeNull();
    expect(pauses.note(handedOver, 130)).toBe(30);
    pauses.note(paused, 200);
    expect(pauses.note(resumed, 250)).toBe(50);
  });

  it('counts from the first word of a pause, and each shard by itself', () => {
    const pauses = new Pauses();
    pauses.note(paused, 100);
    pauses.note(paused, 120);
    expect(pauses.note({ ...resumed, shardId: 'other' }, 125)).toBeNull();
    expect(pauses.note(resumed, 140)).toBe(40);
    expect(pauses.note(resumed, 150)).toBeNull();
  });

  it('forgets a pause whose shard went on by another way', () => {
    const pauses = new Pauses();
    pauses.note(paused, 100);
    pauses.note({ kind: 'lease-lost', shardId: 's', epoch: 1, to: 'b' }, 110);
    expect(pauses.note(handedOver, 500)).toBeNull();
  });
});
