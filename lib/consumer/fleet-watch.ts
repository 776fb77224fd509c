// lib/consumer: the other workers of the group, as their heartbeats show them.
// in: heartbeats, several times a second · out: when the lease table is worth reading, and which owners are gone
import { HeartbeatObserver } from '../liveness/heartbeat-observer.ts';
import type { OwnLiveness } from '../liveness/own-liveness.ts';
import type { Group } from '../model/lease.ts';
import type { Beat } from '../model/worker.ts';
import type { Clock, WorkerStore } from '../ports.ts';

export type Look =
  | { readonly kind: 'quiet'; readonly nextExpiryMs: number }
  | { readonly kind: 'scan'; readonly because: 'announced' | 'joined-or-left' | 'expired' | 'lapsed' };

/** One worker's view of its group. */
export class FleetWatch {
  readonly #group: Group;
  readonly #workerId: string;
  readonly #workers: WorkerStore;
  readonly #clock: Clock;
  readonly #liveness: OwnLiveness;
  readonly #observer: HeartbeatObserver;
  #owners: ReadonlySet<string> = new Set();
  #beats: readonly Beat[] = [];
  #announcements = 0;

  constructor(
    group: Group,
    workerId: string,
    failoverMs: number,
    ports: { workers: WorkerStore; clock: Clock },
    liveness: OwnLiveness,
  ) {
    this.#group = group;
    this.#workerId = workerId;
    this.#workers = ports.workers;
    this.#clock = ports.clock;
    this.#liveness = liveness;
    this.#observer = new HeartbeatObserver(failoverMs);
  }

  /** Notes whom the lease table names as owners. */
  noteOwners(owners: ReadonlySet<string>): void {
    this.#owners = owners;
    this.#observer.observe(this.#beats, owners, this.#clock.monotonicMs());
  }

  /** Reads the heartbeats. */
  async look(signal: AbortSignal): Promise<Look> {
    const before = new Set(this.#beats.map((beat) => beat.workerId));
    const announced = await this.#read(false, signal);
    const isSameGroup = before.size === this.#beats.length && this.#beats.every((beat) => before.has(beat.workerId));
    const nextExpiryMs = this.#nextExpiryMs();
    if (!this.#liveness.isConfirmed) return { kind: 'scan', because: 'lapsed' };
    if (announced) return { kind: 'scan', because: 'announced' };
    if (!isSameGroup) return { kind: 'scan', because: 'joined-or-left' };
    return nextExpiryMs <= 0 ? { kind: 'scan', because: 'expired' } : { kind: 'quiet', nextExpiryMs };
  }

  /** Reads the heartbeats as they are at this moment: before anyone is called dead. */
  async confirm(signal: AbortSignal): Promise<void> {
    await this.#read(true, signal);
  }

  isExpired(workerId: string): boolean {
    return workerId !== this.#workerId && this.#expiresInMs(workerId) <= 0;
  }

  /** Workers that are heard of. */
  get alive(): readonly string[] {
    return this.#beats.map((beat) => beat.workerId).filter((workerId) => !this.isExpired(workerId));
  }

  /** Workers that are heard of and may be given shards. */
  get candidates(): ReadonlySet<string> {
    return new Set(
      this.#beats
        .filter((beat) => beat.state === 'active' && !beat.stuck && !this.isExpired(beat.workerId))
        .map((beat) => beat.workerId),
    );
  }

  async #read(consistent: boolean, signal: AbortSignal): Promise<boolean> {
    const { beats, announcements } = await this.#workers.beats(this.#group, { consistent }, signal);
    const isAnnounced = announcements > this.#announcements;
    this.#beats = beats;
    this.#announcements = Math.max(announcements, this.#announcements);
    this.#observer.observe(beats, this.#owners, this.#clock.monotonicMs());
    return isAnnounced;
  }

  #expiresInMs(workerId: string): number {
    // Whose own heartbeats do not arrive judges nobody.
    if (this.#clock.monotonicMs() >= this.#liveness.coveredUntilMs) return Number.POSITIVE_INFINITY;
    return this.#observer.expiresAtMs(workerId, this.#liveness.heldSinceMs) - this.#clock.monotonicMs();
  }

  /** Until the first owner expires that nothing more is heard of. */
  #nextExpiryMs(): number {
    return Math.min(
      Number.POSITIVE_INFINITY,
      ...[...this.#owners].filter((owner) => owner !== this.#workerId).map((owner) => this.#expiresInMs(owner)),
    );
  }
}
