// test/simulation: one world: a stream, a lease table, a sink, and real consumers as processes that can be frozen, cut off and killed.
// in: a seed's choices · out: handles to start, hurt and look at workers
import { memoryPorts } from '../../lib/adapters/memory/memory-ports.ts';
import { Consumer } from '../../lib/consumer/consumer.ts';
import type { ConsumerOptions, ConsumerPorts } from '../../lib/consumer/consumer-options.ts';
import { FencedError } from '../../lib/errors.ts';
import type { Lease } from '../../lib/model/lease.ts';
import type { LeaseStore } from '../../lib/ports.ts';
import { TokenDesk } from '../support/handover-machine.ts';
import { Chance, type Log } from './chance.ts';
import { Kernel, SimulatedProcess } from './kernel.ts';
import { Network } from './network.ts';
import { readOnce } from './read-once.ts';
import { FencedSink } from './sink.ts';

export const group = { application: 'app', streamName: 'orders' };

/** Everything about ten times as fast as in production, so that little simulated time holds much. */
const SETTINGS = {
  ...group,
  heartbeatMs: 60,
  failoverMs: 120,
  observeMs: 40,
  settleMs: 60,
  scanMs: 500,
  watchMs: 5,
  checkpointMs: 150,
  markMs: 40,
  pollMs: 40,
  stallMs: 1000,
  stuckAfterMs: 5000,
  lateAfterMs: 5000,
  reportMs: 400,
  shardSyncMs: 1000,
  stopWithinMs: 1500,
  preflight: 'off',
  retries: { attempts: 1000, firstMs: 5, mostMs: 50 },
} as const satisfies Partial<ConsumerOptions>;

/** One running consumer. */
export interface SimulatedWorker {
  readonly workerId: string;
  readonly process: SimulatedProcess;
  readonly consumer: Consumer;
  isStopping: boolean;
}

/** How a test changes what a worker's ports do, to see that the difference is found. */
export type Sabotage = (ports: ConsumerPorts, world: SimulatedWorld, process: SimulatedProcess) => ConsumerPorts;

export interface WorldOptions {
  readonly settings?: Partial<ConsumerOptions>;
  readonly isFenced?: boolean;
  readonly sabotage?: Sabotage;
}

/** All of it. */
export class SimulatedWorld {
  readonly kernel = new Kernel();
  readonly network: Network;
  readonly sink: FencedSink;
  readonly desk = new TokenDesk();
  readonly memory = memoryPorts(this.kernel.clock, { updatingMs: 50 });
  readonly leases: LeaseStore;
  readonly workerStore = readOnce(this.memory.workers, ['beats', 'list']);
  readonly workers: SimulatedWorker[] = [];
  /** How the machine's handovers ended. */
  readonly handovers = { done: 0, abandoned: 0 };
  readonly chance: Chance;
  readonly log: Log;
  readonly #options: WorldOptions;
  #incarnations = 0;

  constructor(chance: Chance, log: Log, options: WorldOptions = {}) {
    this.chance = chance;
    this.log = log;
    this.#options = options;
    // The weather has its own chance, so that it does not shift the plan.
    this.network = new Network(this.kernel, new Chance(chance.whole(0, 2 ** 31)), log);
    this.sink = new FencedSink(options.isFenced);
    this.leases = this.#watched(readOnce(this.memory.leases, ['list', 'get']));
  }

  /** The workers that run. */
  get alive(): SimulatedWorker[] {
    return this.workers.filter(({ process, consumer }) => process.state !== 'dead' && consumer.status().state !== 'stopped');
  }

  /** Starts a process; one that cannot start is started anew a little later, as whatever runs it would. */
  startWorker(workerId: string): void {
    this.#incarnations += 1;
    const process = new SimulatedProcess(`${workerId}#${this.#incarnations}`, this.kernel, {
      rate: this.chance.between(0.97, 1.03),
      skewMs: this.chance.whole(-5000, 5000),
    });
    const ports = this.#portsOf(process);
    const sabotaged = this.#options.sabotage?.(ports, this, process) ?? ports;
    const consumer = new Consumer({
      ...SETTINGS,
      ...this.#options.settings,
      workerId,
      ports: sabotaged,
      random: () => this.chance.next(),
      processor: {
        process: async (records, { shardId, epoch }) => {
          await process.clock.sleep(this.chance.isSo(0.1) ? this.chance.between(0, 120) : this.chance.between(0, 10));
          const write = async () => this.sink.write(records, process.name, shardId, epoch);
          if (!(await this.network.call(process, 'sink', `effect ${shardId} ${epoch} ${records.length}`, write)))
            throw new FencedError(`shard ${shardId}: a later epoch than ${epoch} has written`);
        },
      },
      onEvent: (event) => {
        this.log.add(
          `${this.kernel.nowMs.toFixed(3)} ${process.name} : ${event.kind} ${'shardId' in event ? event.shardId : ''}`,
        );
        if (event.kind === 'shadow-diverged') this.sink.wrong.push(`${process.name}: the shadow of ${event.shardId} diverged`);
      },
    });
    const worker: SimulatedWorker = { workerId, process, consumer, isStopping: false };
    this.workers.push(worker);
    consumer.start().catch(() => {
      process.kill();
      this.kernel.after(100, null, () => this.startWorker(workerId));
    });
  }

  /** Stops a worker as SIGTERM does; its process is gone afterwards. */
  stopWorker(worker: SimulatedWorker): void {
    worker.isStopping = true;
    void worker.consumer.stop().then(() => worker.process.kill());
  }

  leasesNow(): Promise<Lease[]> {
    return this.leases.list(group);
  }

  /** Puts so many records, each of some key. */
  produce(count: number): void {
    const batch = Array.from({ length: count }, () => {
      const slot = this.chance.whole(0, KEYS - 1);
      const payload = this.sink.produce(`k${slot}`);
      return {
        partitionKey: payload.key,
        data: Buffer.from(JSON.stringify(payload)),
        explicitHashKey: BigInt(slot) * KEY_STEP + 1n,
      };
    });
    this.memory.streams.putRecords(group.streamName, batch);
  }

  #portsOf(process: SimulatedProcess): ConsumerPorts {
    const { memory, network } = this;
    const control = network.seenBy(process, 'other', memory.control);
    return {
      clock: process.clock,
      leases: network.seenBy(process, 'leases', this.leases),
      workers: network.seenBy(process, 'workers', this.workerStore),
      reader: network.readerOf(process, memory.reader),
      control: {
        ...memory.control,
        ensureConsumer: control.ensureConsumer,
        describe: async (streamName, signal) => {
          const stream = await control.describe(streamName, signal);
          // After its first look a consumer loads its hash, which takes real time.
          if (!this.#described.has(process)) this.kernel.awaited.add(process);
          this.#described.add(process);
          return stream;
        },
      },
      counters: network.seenBy(process, 'other', memory.counters),
      callbacks: network.seenBy(process, 'other', this.desk),
      usage: memory.usage,
      profiles: network.seenBy(process, 'other', memory.profiles),
      tuning: network.seenBy(process, 'other', memory.tuning),
      profiler: memory.profiler,
      results: memory.results,
      preflight: memory.preflight,
    };
  }
  readonly #described = new Set<SimulatedProcess>();

  /** Tells the sink of each change of a lease. */
  #watched(store: LeaseStore): LeaseStore {
    const last = new Map<string, Lease>();
    return {
      ...store,
      create: async (lease) => {
        const result = await store.create(lease);
        if (result.kind === 'created') last.set(lease.shardId, lease);
        return result;
      },
      write: async (of, shardId, write) => {
        const result = await store.write(of, shardId, write);
        const before = last.get(shardId);
        if (result.kind === 'written') {
          if (before !== undefined) this.sink.leaseChanged(write, before, result.lease);
          last.set(shardId, result.lease);
          this.log.add(`${this.kernel.nowMs.toFixed(3)} ${write.name} ${shardId}: ${result.lease.owner} ${result.lease.epoch}`);
        }
        return result;
      },
    };
  }
}

const KEYS = 12;
const KEY_STEP = 2n ** 128n / BigInt(KEYS);
