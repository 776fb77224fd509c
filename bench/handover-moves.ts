// bench/handover-moves: planned moves of shards between the two workers, by the deployed machine or driven by the target.
// in: a shard with a tracking shadow · out: it is with the other worker; how long it was paused, and how long each state of the machine took
import { setTimeout as sleep } from 'node:timers/promises';
import { DescribeExecutionCommand, GetExecutionHistoryCommand, SFNClient } from '@aws-sdk/client-sfn';
import { groupKey } from '../lib/adapters/group-key.ts';
import { requestShadow } from '../lib/handover/control-writes.ts';
import { drivenWrite } from '../lib/handover/decide-driver.ts';
import type { Group, Lease } from '../lib/model/lease.ts';
import type { Ports } from '../lib/ports.ts';
import { type HandoverWorld, WORKERS } from './handover-world.ts';

export type Driver = 'machine' | 'target';

/** How a handover ended. */
export type Moved =
  | {
      readonly kind: 'moved';
      readonly pauseMs: number;
      /** Empty where the target drives. */
      readonly stateMs: Readonly<Record<string, number>>;
    }
  | { readonly kind: 'stayed'; readonly detail: string };

const LOOK_MS = 50;
/** Longer than the machine waits in all its states. */
const WITHIN_MS = 100_000;

/** The moves of one bench. */
export class HandoverMoves {
  readonly #world: HandoverWorld;
  readonly #ports: Ports;
  readonly #group: Group;
  readonly #stepFunctions = new SFNClient({});
  #moves = 0;

  constructor(world: HandoverWorld, ports: Ports, group: Group) {
    this.#world = world;
    this.#ports = ports;
    this.#group = group;
  }

  /** Asks for a standby shadow of the shard on the worker that does not own it, where there is none. */
  async requestShadow(shardId: string): Promise<void> {
    const { owner = '', shadow } = await this.#leaseOf(shardId);
    if (shadow !== undefined) return;
    const target = WORKERS.find((workerId) => workerId !== owner) ?? '';
    const result = await this.#ports.leases.write(this.#group, shardId, requestShadow(owner, target, 'request', Date.now()));
    if (result.kind === 'fenced') throw new Error(`no shadow of ${shardId} could be asked for: ${JSON.stringify(result.lease)}`);
    await this.#ports.workers.announce(this.#group);
  }

  async untilTracking(shardIds: readonly string[]): Promise<void> {
    await this.#until(`tracking shadows of ${shardIds.join(', ')}`, async () =>
      (await this.#ports.leases.get(this.#group, shardIds)).every(({ shadow }) => shadow?.state === 'tracking'),
    );
  }

  /** Moves the shard to its shadow, or finds that it stayed where it was. */
  async move(shardId: string, driver: Driver): Promise<Moved> {
    const { owner: source = '', epoch, shadow } = await this.#leaseOf(shardId);
    const target = shadow?.workerId ?? '';
    this.#moves += 1;
    const handoverId = `bench-${this.#moves}`;
    const input = {
      handoverId,
      ...this.#group,
      group: groupKey(this.#group),
      shardId,
      source,
      target,
      epoch,
      requestedAtMs: Date.now(),
    };
    let executionArn: string | null = null;
    if (driver === 'machine') ({ executionArn } = await this.#ports.machines.start('handover', handoverId, input));
    else {
      const result = await this.#ports.leases.write(this.#group, shardId, drivenWrite('prepare', input));
      if (result.kind === 'fenced') throw new Error(`handover ${handoverId} was refused: ${JSON.stringify(result.lease)}`);
    }
    await this.#ports.workers.announce(this.#group);
    const isOver = async () => {
      if (executionArn !== null && (await this.#statusOf(executionArn)) === 'RUNNING') return false;
      return (await this.#leaseOf(shardId)).handover === undefined;
    };
    await this.#until(`the end of handover ${handoverId} of ${shardId}`, isOver);
    const pauseMs = this.#world.pauses.get(handoverId);
    const { owner } = await this.#leaseOf(shardId);
    if (owner !== target || pauseMs === undefined)
      return { kind: 'stayed', detail: `${shardId} was to go from ${source} to ${target}, and is with ${owner}` };
    return { kind: 'moved', pauseMs, stateMs: executionArn === null ? {} : await this.#stateTimes(executionArn) };
  }

  async #statusOf(executionArn: string): Promise<string> {
    return (await this.#stepFunctions.send(new DescribeExecutionCommand({ executionArn }))).status ?? 'unknown';
  }

  /** Milliseconds that each state of an execution took, by Step Functions' own record. */
  async #stateTimes(executionArn: string): Promise<Record<string, number>> {
    const request = new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 });
    const { events = [] } = await this.#stepFunctions.send(request);
    const entered = new Map<string, number>();
    const times: Record<string, number> = {};
    for (const event of events) {
      const atMs = event.timestamp?.getTime() ?? 0;
      if (event.stateEnteredEventDetails?.name !== undefined) entered.set(event.stateEnteredEventDetails.name, atMs);
      const name = event.stateExitedEventDetails?.name;
      if (name !== undefined) times[name] = atMs - (entered.get(name) ?? atMs);
    }
    return times;
  }

  async #leaseOf(shardId: string): Promise<Lease> {
    const [lease] = await this.#ports.leases.get(this.#group, [shardId]);
    if (lease === undefined) throw new Error(`no lease of ${shardId}`);
    return lease;
  }

  async #until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    for (const began = performance.now(); !(await isSo()); await sleep(LOOK_MS))
      if (performance.now() - began > WITHIN_MS) throw new Error(`it did not come within ${WITHIN_MS} ms: ${what}`);
  }
}
