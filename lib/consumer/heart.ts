// lib/consumer: keeps this worker's heartbeat going: from a thread of its own where the ports have one, else from the main event loop.
// in: settings, ports · out: beats; the thread is started again when it ends, and the main loop beats meanwhile
import { beatOnce } from '../liveness/beat-loop.ts';
import type { OwnLiveness } from '../liveness/own-liveness.ts';
import type { Group } from '../model/lease.ts';
import type { HeartbeatNews } from '../ports.ts';
import type { ConsumerPorts } from './consumer-options.ts';
import type { Emit } from './events.ts';
import type { ConsumerSettings } from './options.ts';

const RETRY_MS = 20;
const RESTART_THREAD_MS = 1_000;
/** The thread counts from here on, so that its beats and ours never say the same number. */
const THREAD_OFFSET = 2 ** 42;

/** One worker's heart. */
export class Heart {
  readonly #group: Group;
  readonly #settings: ConsumerSettings;
  readonly #ports: ConsumerPorts;
  readonly #liveness: OwnLiveness;
  readonly #emit: Emit;
  readonly #abort = new AbortController();
  #heartbeat: number;
  #threadBeats = false;
  #thread: { stop(): Promise<void> } | null = null;
  #loops: Promise<void>[] = [];

  constructor(group: Group, settings: ConsumerSettings, ports: ConsumerPorts, liveness: OwnLiveness, emit: Emit) {
    this.#group = group;
    this.#settings = settings;
    this.#ports = ports;
    this.#liveness = liveness;
    this.#emit = emit;
    // Two processes under one id are told apart by it.
    this.#heartbeat = Math.floor(ports.clock.nowMs());
  }

  /** Resolves when the first heartbeat has arrived. */
  async start(): Promise<void> {
    this.#liveness.seen(this.#ports.clock.monotonicMs());
    await this.#beat();
    this.#loops = [this.#keepBeating()];
    if (this.#ports.heartbeats !== undefined) this.#startThread();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await Promise.all([...this.#loops, this.#thread?.stop()]);
  }

  #beat(): Promise<void> {
    this.#heartbeat += 1;
    const task = { group: this.#group, workerId: this.#settings.workerId, failoverMs: this.#settings.failoverMs };
    const { workers, clock } = this.#ports;
    return beatOnce(task, this.#heartbeat, workers, clock, this.#liveness, this.#abort.signal);
  }

  /** Beats while the thread does not. */
  async #keepBeating(): Promise<void> {
    const { clock } = this.#ports;
    const { signal } = this.#abort;
    const { heartbeatMs } = this.#settings;
    while (!signal.aborted) {
      const beganAtMs = clock.monotonicMs();
      this.#liveness.seen(beganAtMs);
      let waitMs = heartbeatMs;
      if (!this.#threadBeats) {
        try {
          await this.#beat();
          waitMs = Math.max(0, heartbeatMs - (clock.monotonicMs() - beganAtMs));
        } catch (error) {
          if (signal.aborted) return;
          this.#failed(error);
          waitMs = RETRY_MS;
        }
      }
      await clock.sleep(waitMs, signal);
    }
  }

  #startThread(): void {
    const { workerId, heartbeatMs, failoverMs, stallMs } = this.#settings;
    const task = {
      group: this.#group,
      workerId,
      heartbeatMs,
      failoverMs,
      stallMs,
      firstHeartbeat: this.#heartbeat + THREAD_OFFSET,
      cells: this.#liveness.cells,
    };
    this.#thread = this.#ports.heartbeats?.start(task, (news) => this.#hear(news)) ?? null;
  }

  #hear(news: HeartbeatNews): void {
    if (this.#abort.signal.aborted) return;
    if (news.kind === 'beating') {
      this.#threadBeats = true;
      return;
    }
    this.#failed(new Error(news.message));
    if (news.kind === 'failed') return;
    this.#threadBeats = false;
    this.#thread = null;
    const again = async () => {
      await this.#ports.clock.sleep(RESTART_THREAD_MS, this.#abort.signal);
      if (!this.#abort.signal.aborted) this.#startThread();
    };
    this.#loops.push(again());
  }

  #failed(error: unknown): void {
    this.#emit({ kind: 'failed', doing: 'heartbeat', shardId: null, error, retryInMs: RETRY_MS });
  }
}
