// bench/handover-world: two workers in this process under an even load, so that their stamps on the lease come from one clock.
// in: the cloud, the deployed tables · out: consumers that run, what they processed, and every pause as the lease item got it
import { setTimeout as sleep } from 'node:timers/promises';
import { KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { awsPorts } from '../lib/adapters/aws/aws-ports.ts';
import { Consumer } from '../lib/consumer/consumer.ts';
import type { Group, Lease } from '../lib/model/lease.ts';
import type { LeaseStore, StreamReader } from '../lib/ports.ts';
import type { TableNames } from '../local/tables.ts';

export const WORKERS = ['worker-a', 'worker-b'] as const;
/** So many that no shard goes without. */
const KEYS_PER_SHARD = 50;
const BATCH_MS = 100;
const DRAINED_WITHIN_MS = 20_000;

export interface Seen {
  readonly key: string;
  readonly n: number;
  readonly shardId: string;
  readonly atMs: number;
  readonly latencyMs: number;
}

/** A lease store that tells what each write made of the lease. */
const observed = (store: LeaseStore, onWritten: (lease: Lease) => void): LeaseStore => ({
  ...store,
  write: async (group, shardId, write, signal) => {
    const result = await store.write(group, shardId, write, signal);
    if (result.kind === 'written') onWritten(result.lease);
    return result;
  },
});

/** A reader that tells how long each GetRecords took. */
const timed = (reader: StreamReader, onRead: (ms: number) => void): StreamReader => ({
  ...reader,
  poll: (...at) => {
    const iterator = reader.poll(...at);
    return {
      next: async (signal) => {
        const began = performance.now();
        const batch = await iterator.next(signal);
        onRead(performance.now() - began);
        return batch;
      },
    };
  },
});

/** Consumers and producer of one bench. The process's environment must point at the cloud. */
export class HandoverWorld {
  readonly seen: Seen[] = [];
  /** Milliseconds from the moment at which the source had stopped dispatching, as it stamps it, to that at which the target may dispatch, by the handover's id. */
  readonly pauses = new Map<string, number>();
  /** What each GetRecords of the workers took, in milliseconds. */
  readonly readMs: number[] = [];
  readonly #produced = new Map<string, number>();
  readonly #consumers: readonly Consumer[];
  readonly #kinesis = new KinesisClient({ requestHandler: new NodeHttpHandler() });
  readonly #group: Group;
  #isProducing = true;
  #producer: Promise<void> = Promise.resolve();

  constructor(group: Group, tables: TableNames) {
    this.#group = group;
    this.#consumers = WORKERS.map((workerId) => {
      const ports = awsPorts(tables);
      return new Consumer({
        ...group,
        workerId,
        zone: workerId,
        ports: {
          ...ports,
          leases: observed(ports.leases, (lease) => this.#notePause(lease)),
          reader: timed(ports.reader, (ms) => this.readMs.push(ms)),
        },
        checkpointMs: 1000,
        // Both workers, the producer and the counting are one process: its busy moments are no deaths.
        failoverMs: 8000,
        rebalance: 'control-plane',
        processor: { process: async (records, { shardId }) => this.#take(records, shardId) },
      });
    });
  }

  /** Starts both workers and the load. */
  async start(shards: number, recordsPerSec: number): Promise<void> {
    await Promise.all(this.#consumers.map((consumer) => consumer.start()));
    this.#producer = this.#produce(shards * KEYS_PER_SHARD, recordsPerSec);
    this.#producer.catch(() => {});
  }

  /** Ends the load, waits for what is on its way, and counts. */
  async judge(): Promise<{ produced: number; lost: number; duplicated: number; reordered: number }> {
    this.#isProducing = false;
    await this.#producer;
    const produced = [...this.#produced.values()].reduce((a, b) => a + b, 0);
    for (let waitedMs = 0; waitedMs < DRAINED_WITHIN_MS && this.seen.length < produced; waitedMs += 100) await sleep(100);
    const byKey = Map.groupBy(this.seen, ({ key }) => key);
    const firsts = [...byKey.values()].map((each) => [...new Set(each.map(({ n }) => n))]);
    const distinct = firsts.reduce((sum, numbers) => sum + numbers.length, 0);
    return {
      produced,
      lost: produced - distinct,
      duplicated: this.seen.length - distinct,
      reordered: firsts.filter((numbers) => numbers.some((n, i) => i > 0 && n < (numbers[i - 1] ?? 0))).length,
    };
  }

  async stop(): Promise<void> {
    this.#isProducing = false;
    await Promise.all(this.#consumers.map((consumer) => consumer.stop()));
  }

  #notePause({ handover }: Lease): void {
    if (handover?.phase !== 'activated' || this.pauses.has(handover.id)) return;
    // The write is answered: the target's own stamp, which went with it, is from before.
    if (handover.pausedAtMs !== undefined) this.pauses.set(handover.id, Date.now() - handover.pausedAtMs);
  }

  #take(records: readonly { readonly data: Uint8Array }[], shardId: string): void {
    const atMs = Date.now();
    for (const { data } of records) {
      const { key, n, t } = JSON.parse(Buffer.from(data).toString()) as { key: string; n: number; t: number };
      this.seen.push({ key, n, shardId, atMs, latencyMs: atMs - t });
    }
  }

  async #produce(keys: number, recordsPerSec: number): Promise<void> {
    const perBatch = Math.max(1, Math.round((recordsPerSec * BATCH_MS) / 1000));
    for (let turn = 0; this.#isProducing; turn += 1) {
      const began = Date.now();
      const Records = Array.from({ length: perBatch }, (_, i) => {
        const key = `key-${(turn * perBatch + i) % keys}`;
        const n = (this.#produced.get(key) ?? 0) + 1;
        this.#produced.set(key, n);
        return { PartitionKey: key, Data: Buffer.from(JSON.stringify({ key, n, t: began })) };
      });
      const request = new PutRecordsCommand({ StreamName: this.#group.streamName, Records });
      const { FailedRecordCount } = await this.#kinesis.send(request);
      if (FailedRecordCount) throw new Error(`${FailedRecordCount} records were not taken`);
      await sleep(Math.max(0, BATCH_MS - (Date.now() - began)));
    }
  }
}
