// lib/consumer: keeps one shard subscribed: opens, renews before the five minutes are over, opens again after a refusal or an end.
// in: a position that moves on · out: batches to `take`; whether a push is live
//
//   none ─call()─► opening ─first event─► live ─285 s─► live + opening ─first event of the next─► live (the old one is left)
//   refused, failed, ended ─► none: the feed polls meanwhile      refused while one is live (emulators) ─► that one is kept until it ends
//
// Two that overlap both began at or before what was delivered and each goes on without a gap: whatever the order of their batches, dropping what was delivered
// loses nothing.
import { ShardGoneError, SubscriptionRefusedError, ThrottledError, TransientError } from '../errors.ts';
import type { Clock, RecordBatch, StreamReader } from '../ports.ts';
import {
  afterCall,
  afterFailure,
  afterRefusal,
  afterSuccess,
  callDueAtMs,
  newSubscriptionPace,
  renewDueAtMs,
} from './subscription-pace.ts';

export interface LineOptions {
  readonly clock: Clock;
  /** The registered consumer, asked for before each call: it may have been reaped and be registered again. */
  readonly consumerArn: () => Promise<string>;
  /** One SubscribeToShard at where the feed now is. */
  readonly subscribe: (consumerArn: string, signal: AbortSignal) => ReturnType<StreamReader['subscribe']>;
  /** Delivers a batch; resolves when there is room for the next, and only then the next one is asked for. */
  readonly take: (batch: RecordBatch) => Promise<void>;
  readonly onGone: (gone: ShardGoneError) => Promise<void>;
  readonly onHeard: () => void;
  readonly onFailed: (error: unknown, retryInMs: number) => void;
  /** A push has ended, or could not be had. */
  readonly onDead: () => void;
  readonly isOver: () => boolean;
  readonly signal: AbortSignal;
}

interface Push {
  /** Closes the connection, which frees the slot. */
  readonly leave: () => void;
  /** Resolves when the first event came, or it is over without one. */
  readonly begun: Promise<'live' | 'failed'>;
  readonly ended: Promise<void>;
  liveSinceMs: number | null;
}

/** One consumer's subscriptions to one shard, one after the other. */
export class SubscriptionLine {
  readonly #options: LineOptions;
  readonly #running = new Set<Promise<void>>();
  #pace = newSubscriptionPace();
  #live = 0;
  #deadSinceMs: number;
  #wasTried = false;

  constructor(options: LineOptions) {
    this.#options = options;
    this.#deadSinceMs = options.clock.monotonicMs();
  }

  get isLive(): boolean {
    return this.#live > 0;
  }

  /** For how long there has been no push; 0 while there is one. After a refusal or failure as if for ever: there is nothing to wait for. */
  get deadForMs(): number {
    if (this.isLive) return 0;
    return this.#wasTried ? Number.POSITIVE_INFINITY : this.#options.clock.monotonicMs() - this.#deadSinceMs;
  }

  /** Runs until the feed is over; then no request is left open. */
  async run(): Promise<void> {
    const { clock, isOver, signal } = this.#options;
    while (!isOver()) {
      const waitMs = callDueAtMs(this.#pace) - clock.monotonicMs();
      if (waitMs > 0) await clock.sleep(waitMs, signal);
      if (isOver()) break;
      const push = this.#open();
      if ((await push.begun) === 'live') await this.#keep(push);
    }
    await Promise.all(this.#running);
  }

  /** A live subscription and its successors, until one ends without a successor. */
  async #keep(first: Push): Promise<void> {
    const { clock, isOver } = this.#options;
    let push = first;
    while (!isOver()) {
      const waiting = new AbortController();
      const dueMs = renewDueAtMs(push.liveSinceMs ?? 0) - clock.monotonicMs();
      const event = await Promise.race([
        push.ended.then(() => 'ended' as const),
        clock.sleep(Math.max(0, dueMs), waiting.signal).then(() => 'due' as const),
      ]);
      waiting.abort();
      if (event === 'ended' || isOver()) return;
      const next = this.#open();
      if ((await next.begun) === 'live') {
        push.leave();
        push = next;
      } else return push.ended;
    }
  }

  #open(): Push {
    const { signal } = this.#options;
    const leaving = new AbortController();
    const leave = () => leaving.abort();
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    const begun = Promise.withResolvers<'live' | 'failed'>();
    const push: Push = { leave, begun: begun.promise, ended: Promise.resolve(), liveSinceMs: null };
    const running = this.#pump(push, leaving.signal, begun.resolve).finally(() => {
      signal.removeEventListener('abort', leave);
      leave();
      this.#running.delete(running);
    });
    this.#running.add(running);
    return Object.assign(push, { ended: running });
  }

  async #pump(push: Push, signal: AbortSignal, begun: (how: 'live' | 'failed') => void): Promise<void> {
    const { clock, take, onGone, onHeard, isOver } = this.#options;
    try {
      const consumerArn = await this.#consumerArn(signal);
      if (consumerArn === null) return;
      this.#pace = afterCall(this.#pace, clock.monotonicMs());
      for await (const batch of this.#options.subscribe(consumerArn, signal)) {
        if (push.liveSinceMs === null) {
          push.liveSinceMs = clock.monotonicMs();
          this.#pace = afterSuccess(this.#pace, push.liveSinceMs);
          this.#live += 1;
          begun('live');
        }
        onHeard();
        await take(batch);
        if (signal.aborted || isOver()) break;
      }
    } catch (error) {
      if (signal.aborted || isOver()) return;
      if (error instanceof ShardGoneError) await onGone(error);
      else this.#note(error);
    } finally {
      if (push.liveSinceMs !== null) {
        this.#live -= 1;
        this.#deadSinceMs = clock.monotonicMs();
        this.#wasTried = false;
      } else this.#wasTried = true;
      begun('failed');
      this.#options.onDead();
    }
  }

  /** The consumer's ARN; null when it is left before there is one. Registering one takes seconds, and leaving does not wait for it. */
  async #consumerArn(signal: AbortSignal): Promise<string | null> {
    if (signal.aborted) return null;
    const left = Promise.withResolvers<null>();
    const leave = () => left.resolve(null);
    signal.addEventListener('abort', leave, { once: true });
    try {
      return await Promise.race([this.#options.consumerArn(), left.promise]);
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  /** A refusal is an expected outcome: somebody else holds the slot, or our own last call does. */
  #note(error: unknown): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (error instanceof SubscriptionRefusedError || error instanceof ThrottledError) {
      this.#options.onHeard();
      this.#pace = afterRefusal(this.#pace, nowMs);
    } else {
      this.#pace = afterFailure(this.#pace, nowMs, error instanceof TransientError);
      this.#options.onFailed(error, callDueAtMs(this.#pace) - nowMs);
    }
  }
}
