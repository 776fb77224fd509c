import { describe, expect, it } from 'vitest';
import { faultPoints, isWriteOn } from '../../bench/fault-points.ts';
import { renderWrite } from '../../lib/adapters/aws/render-write.ts';
import { toItem } from '../../lib/adapters/aws/table.ts';
import { drivenWrite } from '../../lib/handover/decide-driver.ts';
import type { LeaseWrite } from '../../lib/handover/lease-write.ts';
import { activate, armSource, checkpoint, drain, prove, release, takeBack, takeOver } from '../../lib/handover/worker-writes.ts';
import { sampleLease } from '../support/sample-lease.ts';

const holder = { workerId: 'a', epoch: 4 };
const mark = { sequenceNumber: '42', count: 1, digest: '0'.repeat(16) };
const input = { handoverId: 'h', source: 'a', target: 'b', epoch: 4, requestedAtMs: 1 };
const writes: readonly LeaseWrite[] = [
  armSource(holder, 'h'),
  drain(holder, 'h', mark, 1, 2),
  takeBack(holder, 'h'),
  prove('h', 'b', mark),
  activate(holder, 'h', 3),
  release('h', 'a'),
  checkpoint(holder, '42', undefined, mark, 1),
  takeOver(sampleLease(), 'b'),
  ...(['prepare', 'pause', 'redirect', 'verify', 'allowActivation', 'resume', 'abandon', 'restore'] as const).map((name) =>
    drivenWrite(name, input),
  ),
];

/** The call that a worker sends for a write. */
const callOf = (write: LeaseWrite, shardId = 's') => {
  const { values, ...expressions } = renderWrite(write);
  const body = { Key: toItem({ group: 'g', shardId }), ...expressions, ExpressionAttributeValues: toItem(values) };
  return { target: 'DynamoDB_20120810.UpdateItem', body: JSON.stringify(body) };
};

describe('isWriteOn', () => {
  it.each(
    Object.entries(faultPoints).flatMap(([state, { hold }]) =>
      hold.kind === 'write' ? [[state, hold.write, hold.matches] as const] : [],
    ),
  )('holds in %s the write %s and no other', (_, name, matches) => {
    expect(writes.filter((write) => isWriteOn(callOf(write), 's', matches)).map((write) => write.name)).toEqual([name]);
  });

  it('leaves other shards and other calls alone', () => {
    const { hold } = faultPoints.pausing;
    const write = drain(holder, 'h', mark, 1, 2);
    expect(isWriteOn(callOf(write, 'other'), 's', hold.matches)).toBe(false);
    expect(isWriteOn({ ...callOf(write), target: 'DynamoDB_20120810.PutItem' }, 's', hold.matches)).toBe(false);
    expect(isWriteOn({ target: 'AWSStepFunctions.SendTaskSuccess', body: '{}' }, 's', hold.matches)).toBe(false);
  });
});
