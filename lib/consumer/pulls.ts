// lib/consumer: takes a shard over from a fuller worker, by a standby shadow and a handover that this worker drives itself. No control plane is needed.
// in: the lease table as scanned, the shadow as it comes along · out: a shadow asked for, a handover begun, or both given up
import { removeShadow, requestShadow } from '../handover/control-writes.ts';
import { drivenWrite } from '../handover/decide-driver.ts';
import type { Group, Lease } from '../model/lease.ts';
import type { Worker } from '../model/worker.ts';
import type { Clock, LeaseStore, WorkerStore } from '../ports.ts';
import { choosePull } from './choose-pull.ts';
import type { Emit } from './events.ts';

/** Between two looks at the balance. */
const CONSIDER_EVERY_MS = 5_000;
/** A shadow that is not ready by then is given up. */
const READY_WITHIN_MS = 30_000;
/** A shard that was moved, or could not be, rests. */
const REST_MS = 120_000;

/** One worker's pulls, one at a time. */
export class Pulls {
  readonly #group: Group;
  readonly #workerId: string;
  readonly #ports: { leases: LeaseStore; workers: WorkerStore; clock: Clock };
  readonly #emit: Emit;
  readonly #restsUntilMs = new Map<string, number>();
  #consideredAtMs = Number.NEGATIVE_INFINITY;
  #under: { readonly shardId: string; readonly sinceMs: number } | null = null;

  constructor(group: Group, workerId: string, ports: { leases: LeaseStore; workers: WorkerStore; clock: Clock }, emit: Emit) {
    this.#group = group;
    this.#workerId = workerId;
    this.#ports = ports;
    this.#emit = emit;
  }

  /** Asks for a shadow of a shard that had better be here. `able` are the workers that may be given shards. */
  async consider(leases: readonly Lease[], able: (reports: readonly Worker[]) => Worker[], signal: AbortSignal): Promise<void> {
    const nowMs = this.#ports.clock.monotonicMs();
    if (this.#under !== null) return this.#giveUpLate(leases, nowMs, signal);
    if (nowMs - this.#consideredAtMs < CONSIDER_EVERY_MS) return;
    this.#consideredAtMs = nowMs;
    const workers = able(await this.#ports.workers.list(this.#group, signal));
    const resting = new Set([...this.#restsUntilMs].filter(([, untilMs]) => nowMs < untilMs).map(([shardId]) => shardId));
    const pull = choosePull(this.#workerId, leases, workers, resting);
    if (pull.kind === 'hold') return;
    this.#restsUntilMs.set(pull.shardId, nowMs + REST_MS);
    const write = requestShadow(pull.from, this.#workerId, 'handover', this.#ports.clock.nowMs());
    const isMine = leases.find((lease) => lease.shardId === pull.shardId)?.shadow !== undefined;
    if (!isMine && (await this.#ports.leases.write(this.#group, pull.shardId, write, signal)).kind === 'fenced') return;
    this.#under = { shardId: pull.shardId, sinceMs: nowMs };
    this.#emit({ kind: 'pull-begun', shardId: pull.shardId, from: pull.from, reason: pull.reason });
    await this.#ports.workers.announce(this.#group, signal);
  }

  /** The shadow of this shard is proved and close to the tip: begins its handover if we wanted it. Returns whether it has. */
  async advance(lease: Lease, signal: AbortSignal): Promise<boolean> {
    if (this.#under?.shardId !== lease.shardId || lease.handover !== undefined || lease.owner === undefined) return false;
    this.#under = null;
    const requestedAtMs = this.#ports.clock.nowMs();
    const write = drivenWrite('prepare', {
      // Never the id of an earlier one: a late write of that would pass for one of this.
      handoverId: `pull-${lease.shardId}-${lease.epoch}-${requestedAtMs}`,
      source: lease.owner,
      target: this.#workerId,
      epoch: lease.epoch,
      requestedAtMs,
    });
    const isBegun = (await this.#ports.leases.write(this.#group, lease.shardId, write, signal)).kind === 'written';
    if (isBegun) await this.#ports.workers.announce(this.#group, signal);
    return isBegun;
  }

  async #giveUpLate(leases: readonly Lease[], nowMs: number, signal: AbortSignal): Promise<void> {
    const { shardId, sinceMs } = this.#under ?? { shardId: '', sinceMs: nowMs };
    const lease = leases.find((one) => one.shardId === shardId);
    const isGone = lease?.shadow?.workerId !== this.#workerId || lease.owner === this.#workerId;
    if (!isGone && nowMs - sinceMs < READY_WITHIN_MS) return;
    this.#under = null;
    if (isGone) return;
    await this.#ports.leases.write(this.#group, shardId, removeShadow(this.#workerId), signal);
    await this.#ports.workers.announce(this.#group, signal);
    this.#emit({ kind: 'pull-given-up', shardId, reason: `its shadow was not ready within ${READY_WITHIN_MS / 1000} s` });
  }
}
