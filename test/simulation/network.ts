// test/simulation: what lies between a process and the world: calls that take time, get lost, come twice, or are answered into the void.
// in: a port of the world, a process · out: the same port as that process sees it
import { TransientError } from '../../lib/errors.ts';
import type { RecordBatch, ShardIterator, StartingPosition, StreamReader } from '../../lib/ports.ts';
import type { Chance, Log } from './chance.ts';
import type { Kernel, SimulatedProcess } from './kernel.ts';

/** How bad a network is. */
export interface Weather {
  /** One way, in milliseconds: most calls take `fastMs`, a share of `slowShare` up to `slowMs`. */
  readonly fastMs: number;
  readonly slowMs: number;
  readonly slowShare: number;
  readonly lostShare: number;
  readonly unansweredShare: number;
  readonly repeatedShare: number;
  /** After so long a caller gives up. */
  readonly timeoutMs: number;
}
export const fairWeather: Weather = {
  fastMs: 2,
  slowMs: 2,
  slowShare: 0,
  lostShare: 0,
  unansweredShare: 0,
  repeatedShare: 0,
  timeoutMs: 50,
};

/** What a process may be cut off from. */
export type Destination = 'leases' | 'workers' | 'kinesis' | 'other' | 'sink';

/** No call is given up: a processor whose effect was not answered would have to repeat it, and the sink to know that. */
const SAFE: Weather = { ...fairWeather, timeoutMs: Number.POSITIVE_INFINITY };

/** All calls of one world. */
export class Network {
  readonly #kernel: Kernel;
  readonly #chance: Chance;
  readonly #log: Log;
  weather: Weather = fairWeather;
  readonly #cuts = new Set<string>();

  constructor(kernel: Kernel, chance: Chance, log: Log) {
    this.#kernel = kernel;
    this.#chance = chance;
    this.#log = log;
  }

  cut(process: SimulatedProcess, destination: Destination): void {
    this.#cuts.add(`${process.name} ${destination}`);
  }
  mend(process: SimulatedProcess, destination: Destination): void {
    this.#cuts.delete(`${process.name} ${destination}`);
  }
  mendAll(): void {
    this.#cuts.clear();
    this.weather = fairWeather;
  }

  /** One call: there, done, and back. What is done is done, whatever becomes of the caller. */
  call<T>(process: SimulatedProcess, to: Destination, what: string, effect: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const { lostShare, unansweredShare, repeatedShare, timeoutMs } = process.isReliable || to === 'sink' ? SAFE : this.weather;
    const fate = this.#chance.next();
    const isLost = this.#cuts.has(`${process.name} ${to}`) || fate < lostShare;
    const isUnanswered = !isLost && fate < lostShare + unansweredShare;
    const isRepeated = !isLost && !isUnanswered && fate < lostShare + unansweredShare + repeatedShare;
    const thereMs = this.#oneWayMs();
    const backMs = this.#oneWayMs();
    const fateName = isLost ? ' lost' : isUnanswered ? ' unanswered' : isRepeated ? ' twice' : '';
    this.#kernel.awaited.delete(process);
    this.#log.add(`${this.#kernel.nowMs.toFixed(3)} ${process.name} ${what}${fateName}`);
    return new Promise((resolve, reject) => {
      const calledOff = () => reject(new TransientError(`${what} of ${process.name} was called off`));
      const settle = (ms: number, how: () => void) =>
        this.#kernel.after(ms, process, () => {
          signal?.removeEventListener('abort', calledOff);
          how();
        });
      const giveUp = () => reject(new TransientError(`${what} of ${process.name} was not answered within ${timeoutMs} ms`));
      if (signal?.aborted) return calledOff();
      signal?.addEventListener('abort', calledOff, { once: true });
      if (isLost || isUnanswered || thereMs + backMs > timeoutMs) settle(timeoutMs, giveUp);
      if (isLost) return;
      const nobody = () => {};
      this.#kernel.after(thereMs, null, () => {
        effect().then(
          (value) => isUnanswered || settle(backMs, () => resolve(value)),
          (error) => isUnanswered || settle(backMs, () => reject(error)),
        );
      });
      if (isRepeated) this.#kernel.after(thereMs + this.#oneWayMs() * 20, null, () => void effect().then(nobody, nobody));
    });
  }

  /** Every method of a port that answers by a promise. */
  seenBy<Port extends object>(process: SimulatedProcess, to: Destination, port: Port): Port {
    return new Proxy(port, {
      get: (target, name) => {
        const method = Reflect.get(target, name) as (...args: unknown[]) => Promise<unknown>;
        return (...args: unknown[]) => {
          const signal = args.at(-1) instanceof AbortSignal ? (args.at(-1) as AbortSignal) : undefined;
          const plain = signal === undefined ? args : args.slice(0, -1);
          return this.call(process, to, nameOf(String(name), args), () => method.apply(target, plain), signal);
        };
      },
    });
  }

  /** A reader of which every answer goes over the network; one that is lost comes again with the next call, as from Kinesis. */
  readerOf(process: SimulatedProcess, reader: StreamReader): StreamReader {
    return {
      poll: (streamName, shardId, position) =>
        this.#iterator(process, (from) => reader.poll(streamName, shardId, from), shardId, position),
      subscribe: (consumerArn, shardId, position, signal) =>
        this.#subscription(process, reader.subscribe(consumerArn, shardId, position, signal), shardId, signal),
    };
  }

  #iterator(
    process: SimulatedProcess,
    open: (from: StartingPosition) => ShardIterator,
    shardId: string,
    position: StartingPosition,
  ): ShardIterator {
    let from = position;
    let inner = open(from);
    return {
      next: async (signal) => {
        const current = inner;
        let answer: Promise<RecordBatch | null> | undefined;
        // A request that comes twice reads the same twice.
        const read = () => {
          answer ??= current.next();
          return answer;
        };
        try {
          const batch = await this.call(process, 'kinesis', `read ${shardId}`, read, signal);
          const last = batch?.records.at(-1);
          if (last !== undefined) from = { type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: last.sequenceNumber };
          return batch;
        } catch (error) {
          inner = open(from);
          throw error;
        }
      },
    };
  }

  async *#subscription(
    process: SimulatedProcess,
    batches: AsyncIterable<RecordBatch>,
    shardId: string,
    signal: AbortSignal,
  ): AsyncGenerator<RecordBatch, void, undefined> {
    const events = batches[Symbol.asyncIterator]();
    try {
      for (;;) {
        const event = await events.next();
        if (event.done === true) return;
        yield await this.call(process, 'kinesis', `push ${shardId}`, async () => event.value, signal);
      }
    } finally {
      await events.return?.();
    }
  }

  #oneWayMs(): number {
    const { fastMs, slowMs, slowShare } = this.weather;
    return this.#chance.isSo(slowShare) ? this.#chance.between(fastMs, slowMs) : this.#chance.between(fastMs / 2, fastMs);
  }
}

/** A write is told by its own name. */
const nameOf = (method: string, args: readonly unknown[]): string => {
  const write = args.find(
    (arg): arg is { name: string } => typeof arg === 'object' && arg !== null && 'name' in arg && 'conditions' in arg,
  );
  return write === undefined ? method : `${write.name} ${args[1]}`;
};
