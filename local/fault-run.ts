// local/fault-run: one run under faults: a fresh stream, worker processes, a steady producer, and the sink that judges.
// in: the cloud, its tables, a rate · out: what was lost, repeated and reordered, and how long each shard stood still
import { setTimeout as sleep } from 'node:timers/promises';
import { awsPorts } from '../lib/adapters/aws/aws-ports.ts';
import { requestShadow } from '../lib/handover/control-writes.ts';
import type { Group, Lease } from '../lib/model/lease.ts';
import type { Ports } from '../lib/ports.ts';
import { type Child, startChild } from './child.ts';
import { type Duplicate, type FaultBatch, FaultLedger } from './fault-ledger.ts';
import { ProcessFleet, type WorkerProcess } from './process-fleet.ts';
import { type SinkCounts, type SinkLedger, type SinkServer, startSink } from './sink.ts';
import type { SteadyMessage, SteadyTask } from './steady-producer.ts';
import { createStream } from './stream.ts';
import type { TableNames } from './tables.ts';

export interface FaultRunOptions {
  /** Names the application and the stream; no other run of the same cloud may have it. */
  readonly name: string;
  readonly cloud: {
    readonly kinesisEndpoint: string;
    readonly env: Readonly<Record<string, string>>;
    readonly directory: string;
  };
  readonly tables: TableNames;
  readonly shardCount: number;
  readonly recordsPerSec: number;
  /** @default false */
  readonly proxied?: boolean;
  /** Whether the sink refuses older epochs. @default true */
  readonly fences?: boolean;
  /** Who evens out the load among the workers. @default 'workers' */
  readonly rebalance?: 'workers' | 'control-plane';
}

/** How a run ended. `lost` counts what the stream took and the sink never saw. */
export interface Verdict extends SinkCounts {
  readonly produced: number;
  readonly lost: number;
  /** By sequence number, so that what the producer put twice is none. */
  readonly duplicates: readonly Duplicate[];
  /** What at-least-once after a takeover does not explain; see FaultLedger. */
  readonly unexplained: readonly Duplicate[];
  readonly producer: Pick<SteadyMessage, 'unknown' | 'inversions'>;
}

const LOOK_MS = 20;
const LAST_WORD_MS = 1000;

/** Looks until it is so. Throws, with what was awaited, when it takes too long. */
export const until = async (what: string, withinMs: number, isSo: () => Promise<boolean> | boolean): Promise<void> => {
  for (const began = performance.now(); !(await isSo()); await sleep(LOOK_MS))
    if (performance.now() - began > withinMs) throw new Error(`it did not come within ${withinMs} ms: ${what}`);
};

/** The parent's side of a run. The parent's own environment must point at the cloud. */
export class FaultRun {
  readonly group: Group;
  readonly fleet: ProcessFleet;
  readonly ledger: FaultLedger;
  readonly ports: Ports;
  readonly #options: FaultRunOptions;
  readonly #sink: SinkServer;
  #producer: Child<SteadyMessage> | null = null;
  #said: SteadyMessage | null = null;

  private constructor(options: FaultRunOptions, group: Group, ports: Ports, sink: SinkServer, ledger: FaultLedger) {
    this.group = group;
    this.ports = ports;
    this.ledger = ledger;
    this.#options = options;
    this.#sink = sink;
    this.fleet = new ProcessFleet({
      task: { ...group, sinkPort: sink.port, tables: options.tables, rebalance: options.rebalance },
      env: options.cloud.env,
      directory: options.cloud.directory,
      proxied: options.proxied ?? false,
    });
  }

  /** Makes the stream and the sink; no worker and no producer yet. */
  static async open(options: FaultRunOptions): Promise<FaultRun> {
    const group = { application: options.name, streamName: options.name };
    const ports = awsPorts(options.tables);
    await createStream(options.cloud.kinesisEndpoint, ports.control, options.name, options.shardCount);
    const ledger = new FaultLedger();
    const sink = await startSink({
      fences: options.fences ?? true,
      onBatch: (batch, answer) => {
        if (answer.kind === 'stored') ledger.take(batch as FaultBatch, Date.now());
      },
    });
    return new FaultRun(options, group, ports, sink, ledger);
  }

  /** What the sink has counted so far. */
  get sink(): Pick<SinkLedger, 'counts' | 'missing'> {
    return this.#sink.ledger;
  }

  /** Starts the producing process. */
  produce(): void {
    const { cloud, name, recordsPerSec } = this.#options;
    this.#producer = startChild<SteadyMessage>(
      './steady-producer.ts',
      'producer',
      { streamName: name, recordsPerSec } satisfies SteadyTask,
      cloud.env,
      `${cloud.directory}/${name}-producer.log`,
    );
    this.#producer.on((message) => {
      this.#said = message;
    });
  }

  leases(): Promise<Lease[]> {
    return this.ports.leases.list(this.group);
  }

  /** Each living worker runs what the leases say, every shard is run by exactly one, and each of `workers` runs at least `least`. */
  async untilShared(workers: readonly WorkerProcess[], least: number, withinMs: number): Promise<void> {
    let last = '';
    const isShared = async () => {
      const leases = await this.leases();
      const running = this.fleet.living.flatMap(({ workerId, status }) =>
        (status()?.shards ?? []).map(({ shardId, epoch }) => `${shardId} ${epoch} ${workerId}`),
      );
      const leased = leases
        .filter(({ state }) => state === 'active')
        .map((lease) => `${lease.shardId} ${lease.epoch} ${lease.owner}`);
      last = `leases [${leased.sort().join(', ')}], running [${running.sort().join(', ')}]`;
      return (
        leased.length === this.#options.shardCount &&
        running.join() === leased.join() &&
        workers.every(({ status }) => (status()?.shards.length ?? 0) >= least)
      );
    };
    await until('every shard run by exactly one worker, as its lease says', withinMs, isShared).catch((error: Error) => {
      throw new Error(`${error.message}; last seen: ${last}`, { cause: error });
    });
  }

  /** Something new of every shard has been processed since `sinceMs`. */
  untilProcessed(sinceMs: number, withinMs: number): Promise<void> {
    const lagging = () => this.ledger.shardIds.filter((shardId) => this.ledger.lastNewAtMs(shardId) <= sinceMs);
    return until(
      `new records of all ${this.#options.shardCount} shards`,
      withinMs,
      () => this.ledger.shardIds.length === this.#options.shardCount && lagging().length === 0,
    );
  }

  /** Asks `target` for standby shadows of all shards of `owner`, and waits until they track. Returns the shards. */
  async shadow(owner: string, target: string, withinMs: number): Promise<string[]> {
    const owned = (await this.leases()).filter((lease) => lease.owner === owner).map(({ shardId }) => shardId);
    for (const shardId of owned) {
      const write = requestShadow(owner, target, 'replication', Date.now());
      const written = await this.ports.leases.write(this.group, shardId, write);
      if (written.kind === 'fenced') throw new Error(`${target} could not be asked for a shadow of ${shardId}: it changed hands`);
    }
    await this.ports.workers.announce(this.group);
    await until(`shadows of ${owned.join(', ')} on ${target} that track`, withinMs, async () =>
      (await this.ports.leases.get(this.group, owned)).every(
        ({ shadow }) => shadow?.workerId === target && shadow.state === 'tracking' && shadow.verifiedThrough !== undefined,
      ),
    );
    return owned;
  }

  /** Ends the producer, waits until the sink has everything or `withinMs` are over, and judges. */
  async judge(withinMs: number): Promise<Verdict> {
    if (this.#producer === null) throw new Error('nothing was produced: call produce() before judge()');
    this.#producer.signal('SIGTERM');
    await this.#producer.ended;
    // The channel may bring its last word after its end.
    await until(`the producer's last word; see ${this.#producer.log}`, LAST_WORD_MS, () => this.#said !== null);
    const said = this.#said as unknown as SteadyMessage;
    const produced = new Map(said.produced);
    const began = performance.now();
    while (this.#sink.ledger.lost(produced) > 0 && performance.now() - began < withinMs) await sleep(LOOK_MS);
    return {
      ...this.#sink.ledger.counts(),
      produced: [...produced.values()].reduce((sum, last) => sum + last, 0),
      lost: this.#sink.ledger.lost(produced),
      duplicates: this.ledger.duplicates,
      unexplained: this.ledger.unexplained((shardId, epoch) => this.#takenFrom(shardId, epoch)),
      producer: { unknown: said.unknown, inversions: said.inversions },
    };
  }

  /** The checkpoint at which an epoch of a shard began, by the word of the worker that took it. */
  #takenFrom(shardId: string, epoch: number): string | undefined {
    for (const { events } of this.fleet.all)
      for (const { event } of events)
        if (event.kind === 'lease-taken' && event.shardId === shardId && event.epoch === epoch) return event.from;
    return undefined;
  }

  /** Kills everything of this run. */
  async close(): Promise<void> {
    await this.fleet.end();
    if (this.#producer !== null && !this.#producer.hasEnded()) {
      this.#producer.signal('SIGKILL');
      await this.#producer.ended;
    }
    await this.#sink.close();
  }
}
