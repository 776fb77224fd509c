// bench/reshard-change: splits or merges shards: by a bare call that nobody is told of, or step by step as the deployed reshard machine does.
// in: a stream's group, the shards · out: the change, made; by the machine's steps also marked, leased, drained and retired
import { setTimeout as sleep } from 'node:timers/promises';
import { reshardAwait } from '../functions/reshard-await.ts';
import { reshardChange } from '../functions/reshard-change.ts';
import { reshardDrained } from '../functions/reshard-drained.ts';
import { reshardGuard } from '../functions/reshard-guard.ts';
import { reshardLeases } from '../functions/reshard-leases.ts';
import { reshardRetire } from '../functions/reshard-retire.ts';
import { loggerOf, type Scene } from '../functions/shell.ts';
import { TransientError } from '../lib/errors.ts';
import { slicesOf } from '../lib/model/hash-key-range.ts';
import type { Group, Lease } from '../lib/model/lease.ts';
import type { ReshardInput } from '../lib/model/reshard.ts';
import type { Ports } from '../lib/ports.ts';

/** One lease is split in the middle, two neighbours are merged. `childOwners` as a plan names them. */
export interface Change {
  readonly operationId: string;
  readonly parents: readonly [Lease] | readonly [Lease, Lease];
  readonly childOwners: readonly string[];
}

const TIMEOUT_SEC = 60;
const BUSY_RETRY_MS = 100;
const BASE = {
  trigger: 'request',
  reason: 'a bench',
  expected: { utilizationNow: 0, peakUtilization: 0, leadTimeSec: 0, costUsdPerMonth: 0, recordsAtRiskPerHour: 0 },
} as const;

const middleOf = ({ hashKeyRange }: Lease): bigint => slicesOf(hashKeyRange, 2)[1]?.startingHashKey ?? hashKeyRange.endingHashKey;

/** The call alone, as an operator makes it in the console. */
export const changeBare = async (ports: Ports, group: Group, { parents: [first, second] }: Change): Promise<void> => {
  const { control } = ports;
  const result =
    second === undefined
      ? await control.split(group.streamName, first.shardId, middleOf(first))
      : await control.merge(group.streamName, first.shardId, second.shardId);
  if (result.kind !== 'changed') throw new Error(`${first.shardId} could not be changed: ${JSON.stringify(result)}`);
};

/** The functions of the reshard machine in its order and with its waits. Resolves when the parents are retired. */
export const changeBySteps = async (ports: Ports, group: Group, change: Change): Promise<void> => {
  const input = inputOf(group, change);
  const scene = (): Scene => ({
    ports,
    streams: [group],
    nowMs: ports.clock.nowMs(),
    signal: new AbortController().signal,
    log: loggerOf('reshard-guard', undefined),
  });
  const guarded = await reshardGuard.run(input, scene());
  if (guarded.kind === 'refused') throw new Error(`the guard refused: ${guarded.detail}`);
  const changed = await changeWhenFree(input, scene);
  const active = await untilNot('waiting', () =>
    reshardAwait.run({ ...input, changedAtMs: changed, timeoutSec: TIMEOUT_SEC }, scene()),
  );
  if (active.kind !== 'active') throw new Error(`the stream did not become ACTIVE: ${JSON.stringify(active)}`);
  const { childShardIds } = await reshardLeases.run(input, scene());
  const { activeAtMs } = active;
  const drained = await untilNot('waiting', () =>
    reshardDrained.run({ ...input, activeAtMs, childShardIds, timeoutSec: TIMEOUT_SEC }, scene()),
  );
  if (drained.kind !== 'drained') throw new Error(`the parents did not come to their end: ${JSON.stringify(drained)}`);
  const end = {
    end: 'done',
    startedAtMs: guarded.startedAtMs,
    changedAtMs: changed,
    activeAtMs,
    drainedAtMs: drained.drainedAtMs,
  } as const;
  await reshardRetire.run({ ...input, ...end, childShardIds }, scene());
};

const inputOf = (group: Group, { operationId, parents: [first, second], childOwners }: Change): ReshardInput => {
  const { shardId, hashKeyRange } = first;
  const [lower = '', upper = ''] = childOwners;
  const common = { ...BASE, actionId: operationId, shardId, hashKeyRange };
  return {
    ...group,
    operationId,
    action:
      second === undefined
        ? { ...common, kind: 'split', newStartingHashKey: middleOf(first), childOwners: [lower, upper] }
        : { ...common, kind: 'merge', adjacentShardId: second.shardId, childOwners: [lower] },
  };
};

/** The machine retries a busy stream. */
const changeWhenFree = async (input: ReshardInput, scene: () => Scene): Promise<number> => {
  for (;;) {
    try {
      const result = await reshardChange.run(input, scene());
      if (result.kind === 'refused') throw new Error(`Kinesis refused: ${result.detail}`);
      return result.changedAtMs;
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      await sleep(BUSY_RETRY_MS);
    }
  }
};

const untilNot = async <T extends { readonly kind: string; readonly waitSec?: number }>(
  waiting: 'waiting',
  step: () => Promise<T>,
): Promise<T> => {
  for (;;) {
    const result = await step();
    if (result.kind !== waiting) return result;
    await sleep((result.waitSec ?? 1) * 1000);
  }
};
