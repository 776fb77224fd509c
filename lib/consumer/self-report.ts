// lib/consumer: the report of this worker, which the others and the control plane read: load, shards, rates.
// in: the shards that it runs, what it costs · out: its item in the worker table
import type { OwnLiveness } from '../liveness/own-liveness.ts';
import type { Group } from '../model/lease.ts';
import type { HostingAbility } from '../model/profiling.ts';
import type { WorkerTuning, WorkTotals } from '../model/tuning.ts';
import type { Worker } from '../model/worker.ts';
import type { ConsumerPorts } from './consumer-options.ts';
import type { ConsumerSettings } from './options.ts';
import { noUpkeep } from './read-ahead.ts';
import { SelfMeasure } from './self-measure.ts';
import type { ShardTable } from './shard-table.ts';

const shardsOf = (table: ShardTable | null): string =>
  [...(table?.owners.keys() ?? []), '|', ...(table?.shadows.keys() ?? [])].join(' ');

/** Writes one worker's reports; each measures since the one before. */
export class SelfReport {
  readonly #group: Group;
  readonly #settings: ConsumerSettings;
  readonly #ports: ConsumerPorts;
  readonly #liveness: OwnLiveness;
  readonly #tableNow: () => ShardTable | null;
  readonly #hostingNow: () => HostingAbility | undefined;
  readonly #tuningNow: () => WorkerTuning | undefined;
  readonly #mostLanes: number | undefined;
  readonly #measure: SelfMeasure;
  readonly #startedAtMs: number;
  #reported = '';

  constructor(
    group: Group,
    settings: ConsumerSettings,
    ports: ConsumerPorts,
    liveness: OwnLiveness,
    tableNow: () => ShardTable | null,
    hostingNow: () => HostingAbility | undefined = () => undefined,
    tuningNow: () => WorkerTuning | undefined = () => undefined,
    mostLanes?: number,
  ) {
    this.#mostLanes = mostLanes;
    this.#tuningNow = tuningNow;
    this.#group = group;
    this.#settings = settings;
    this.#ports = ports;
    this.#liveness = liveness;
    this.#tableNow = tableNow;
    this.#hostingNow = hostingNow;
    this.#measure = new SelfMeasure(ports.clock, ports.usage);
    this.#startedAtMs = ports.clock.nowMs();
  }

  /** Whether other shards, profiling runs or settings are here than the last report says. */
  get isOutdated(): boolean {
    return this.#reported !== this.#runningNow();
  }

  async write(isDraining: boolean, signal: AbortSignal): Promise<void> {
    const { zone, capacity, retrieval, workerId } = this.#settings;
    const table = this.#tableNow();
    this.#measure.noteStoreLatency(this.#liveness.lastTookMs);
    const steady = !this.isOutdated;
    this.#reported = this.#runningNow();
    const hosting = this.#hostingNow();
    const { load, shardRates } = this.#measure.take(table?.total ?? { records: 0, bytes: 0 }, table?.totals ?? new Map());
    const tuning = this.#tuningNow();
    const report: Worker = {
      ...this.#group,
      workerId,
      heartbeat: 0,
      state: isDraining ? 'draining' : 'active',
      startedAtMs: this.#startedAtMs,
      zone,
      capacity,
      retrieval,
      load,
      shardRates,
      steady,
      shardIds: [...(table?.owners.keys() ?? [])],
      shadowShardIds: [...(table?.shadows.keys() ?? [])],
      ...(hosting === undefined ? {} : { hosting }),
      ...(this.#mostLanes === undefined ? {} : { maxConcurrencyPerShard: this.#mostLanes }),
      ...(tuning === undefined ? {} : { tuning, work: this.#work(table) }),
      reportedAtMs: this.#ports.clock.nowMs(),
    };
    await this.#ports.workers.put(report, signal);
  }

  #work(table: ShardTable | null): WorkTotals {
    const { records, latencyMs } = table?.processed ?? { records: 0, latencyMs: 0 };
    return {
      sinceMs: this.#startedAtMs,
      atMs: this.#ports.clock.nowMs(),
      records,
      latencyMs,
      ...(table?.calls ?? { calls: 0, callMs: 0, failedCalls: 0 }),
      cpuMs: this.#measure.cpuMs,
      upkeep: table?.settledUpkeep() ?? noUpkeep(),
    };
  }

  #runningNow(): string {
    const { inForce } = this.#tuningNow() ?? {};
    return `${shardsOf(this.#tableNow())} | ${this.#hostingNow()?.profileId ?? ''} | ${inForce === undefined ? '' : Object.values(inForce)}`;
  }
}
