// local/sink: where the workers' processor writes to, and the record by which a run is judged.
// in: batches {workerId, shardId, epoch, records} over loopback TCP, one JSON per line · out: an acknowledgement each, and exact counts
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

export interface SinkBatch {
  readonly id: number;
  readonly workerId: string;
  readonly shardId: string;
  readonly epoch: number;
  readonly records: readonly (readonly [key: string, n: number])[];
  /** From a profiling shadow: answered as any other, and stored nowhere. */
  readonly shadow?: boolean;
}
export type SinkAnswer =
  | { readonly id: number; readonly kind: 'stored' }
  | { readonly id: number; readonly kind: 'fenced'; readonly epoch: number };

/** What the sink saw. `lost` needs to know what was produced. */
export interface SinkCounts {
  readonly processed: number;
  readonly duplicated: number;
  readonly reordered: number;
  /** Batches that came after a higher epoch had written to the shard: refused, unless the sink does not fence. */
  readonly fenced: number;
}

interface Seen {
  /** Every n from 1 to here came. */
  through: number;
  highest: number;
  readonly beyond: Set<number>;
}

/** The sink's account, per key: each n counts once, more are duplicates, and an n that first comes after a higher one is out of order. */
export class SinkLedger {
  readonly #keys = new Map<string, Seen>();
  readonly #epochs = new Map<string, number>();
  readonly #byWorker = new Map<string, number>();
  readonly #fences: boolean;
  #counts = { processed: 0, duplicated: 0, reordered: 0, fenced: 0 };

  /** Without `fences` it is a sink that knows nothing of epochs: it takes what comes and only counts. */
  constructor(fences = true) {
    this.#fences = fences;
  }

  take(batch: SinkBatch): SinkAnswer {
    if (batch.shadow === true) return { id: batch.id, kind: 'stored' };
    const highestEpoch = this.#epochs.get(batch.shardId) ?? -1;
    if (batch.epoch < highestEpoch) {
      this.#counts.fenced++;
      if (this.#fences) return { id: batch.id, kind: 'fenced', epoch: highestEpoch };
    }
    this.#epochs.set(batch.shardId, Math.max(batch.epoch, highestEpoch));
    for (const [key, n] of batch.records) this.#count(key, n);
    this.#byWorker.set(batch.workerId, (this.#byWorker.get(batch.workerId) ?? 0) + batch.records.length);
    return { id: batch.id, kind: 'stored' };
  }

  #count(key: string, n: number): void {
    const seen = this.#keys.get(key) ?? { through: 0, highest: 0, beyond: new Set() };
    this.#keys.set(key, seen);
    if (n <= seen.through || seen.beyond.has(n)) {
      this.#counts.duplicated++;
      return;
    }
    this.#counts.processed++;
    if (n < seen.highest) this.#counts.reordered++;
    seen.highest = Math.max(seen.highest, n);
    seen.beyond.add(n);
    while (seen.beyond.delete(seen.through + 1)) seen.through++;
  }

  counts(): SinkCounts {
    return { ...this.#counts };
  }

  /** Records taken per worker, duplicates included. */
  byWorker(): ReadonlyMap<string, number> {
    return this.#byWorker;
  }

  /** How many records have not come although a later one of their key has: what is lost, or still to come out of order. */
  missing(): number {
    return [...this.#keys.values()].reduce((sum, { through, highest, beyond }) => sum + highest - through - beyond.size, 0);
  }

  /** How many of the produced records never came: `produced` has the last n of each key. */
  lost(produced: ReadonlyMap<string, number>): number {
    let lost = 0;
    for (const [key, last] of produced) {
      const seen = this.#keys.get(key);
      for (let n = (seen?.through ?? 0) + 1; n <= last; n++) if (!seen?.beyond.has(n)) lost++;
    }
    return lost;
  }
}

export interface SinkServer {
  readonly port: number;
  readonly ledger: SinkLedger;
  close(): Promise<void>;
}

export interface SinkOptions {
  /** @default true */
  readonly fences?: boolean;
  /** Hears every batch with its answer, before the answer leaves. */
  readonly onBatch?: (batch: SinkBatch, answer: SinkAnswer) => void;
}

/** Starts the sink on a free loopback port. A line that is not a batch ends its connection. */
export const startSink = async ({ fences = true, onBatch = () => {} }: SinkOptions = {}): Promise<SinkServer> => {
  const ledger = new SinkLedger(fences);
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    const lines = createInterface({ input: socket });
    // A killed worker's connection is reset; the interface tells it a second time.
    lines.on('error', () => {});
    lines.on('line', (line) => {
      try {
        const batch = JSON.parse(line) as SinkBatch;
        const answer = ledger.take(batch);
        onBatch(batch, answer);
        socket.write(`${JSON.stringify(answer)}\n`);
      } catch {
        socket.destroy();
      }
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as { port: number };
  return {
    port,
    ledger,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
};
