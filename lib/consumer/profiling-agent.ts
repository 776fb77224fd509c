// lib/consumer: this worker's part in profiling runs: hosts what it is told to, or says why not; clears up after hosts that are lost; lets its own shards tell
// results to those who compare.
// in: the live runs, at each look at the lease table · out: hosted runs, refusals, ended ones
import type { Group } from '../model/lease.ts';
import {
  type HostingAbility,
  hostLost,
  isHostLost,
  mayUseConsumer,
  type ProfilingEnd,
  type ProfilingRun,
} from '../model/profiling.ts';
import type { SettingsInForce } from '../model/tuning.ts';
import type { ProcessorResults } from './processor.ts';
import { deregisterAfter } from './profiling-consumer.ts';
import { refusalOf } from './profiling-end.ts';
import { ProfilingHost } from './profiling-host.ts';
import type { ProfilingHostOptions } from './profiling-parts.ts';
import { PrimaryResults } from './profiling-primary.ts';
import { spaceOf } from './profiling-results.ts';
import type { ShardTable } from './shard-table.ts';

const TELL_EVERY_MS = 500;
/** Whoever orders a run announces it; this is for what lost hosts have left. */
const LOOK_EVERY_MS = 60_000;

/** What it tells of a run and of the table is the agent's to add. */
type GivenOn = Omit<ProfilingHostOptions, 'run' | 'lease' | 'shards' | 'ownsShard' | 'ownRecords'>;

export interface ProfilingAgentOptions extends GivenOn {
  readonly table: Pick<ShardTable, 'owners' | 'total'>;
  /** The settings that this worker's shards go by: its legs, too. */
  readonly inForce: () => SettingsInForce;
}

/** One worker's profiling. */
export class ProfilingAgent {
  readonly #options: ProfilingAgentOptions;
  readonly #primary: PrimaryResults;
  readonly #group: Group;
  #host: ProfilingHost | null = null;
  #stopped = false;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #telling: Promise<void> | null = null;
  readonly #abort = new AbortController();

  constructor(options: ProfilingAgentOptions) {
    const { settings, results, ports, hash } = options;
    this.#options = options;
    this.#primary = new PrimaryResults(results, ports.clock, hash);
    this.#group = { application: settings.application, streamName: settings.streamName };
  }

  /** What the report says of it. */
  get ability(): HostingAbility {
    const { processor, candidate, results } = this.#options;
    return {
      shadowSafe: processor.shadowSafe === true,
      candidate: candidate?.shadowSafe === true,
      sharedResults: results.isShared,
      ...(this.#host === null ? {} : { profileId: this.#host.profileId }),
    };
  }

  /** Where a shard of this worker tells its results now. */
  resultsOf(shardId: string): ProcessorResults {
    return this.#primary.of(shardId);
  }

  /** One look at the live runs: whenever something was announced, else now and then. */
  async look(isAnnounced: boolean, signal: AbortSignal): Promise<void> {
    const { ports, settings } = this.#options;
    const atMs = ports.clock.monotonicMs();
    if (!isAnnounced && atMs - this.#lookedAtMs < LOOK_EVERY_MS) return;
    this.#lookedAtMs = atMs;
    const runs = await ports.profiles.live(this.#group, signal);
    const nowMs = ports.clock.nowMs();
    const lost = runs.filter((run) => isHostLost(run, nowMs) && run.profileId !== this.#host?.profileId);
    for (const run of lost) await this.#clearUpAfter(run, runs, nowMs);
    this.#primary.note(runs.filter((run) => !isHostLost(run, nowMs)));
    if (this.#primary.isTelling) this.#telling ??= this.#tell();
    for (const run of runs) {
      if (run.hostId !== settings.workerId || run.state !== 'requested' || isHostLost(run, nowMs) || this.#stopped) continue;
      await this.#begin(run, nowMs, signal);
    }
  }

  /** Ends the run that it hosts, and clears it up. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#abort.abort();
    await this.#host?.stop();
    await this.#telling;
  }

  async #begin(run: ProfilingRun, nowMs: number, signal: AbortSignal): Promise<void> {
    const { ports, settings, processor, candidate, results, table } = this.#options;
    const [lease] = await ports.leases.get(this.#group, [run.shardId], signal);
    const isThere = lease !== undefined && lease.state !== 'ended';
    const refusal = refusalOf(run, {
      workerId: settings.workerId,
      shadowSafe: processor.shadowSafe === true,
      candidateSafe: candidate === undefined ? null : candidate.shadowSafe === true,
      lanes: this.#options.inForce().concurrencyPerShard,
      mostLanes: processor.maxConcurrencyPerShard,
      mostCandidateLanes: candidate?.maxConcurrencyPerShard,
      sharedResults: results.isShared,
      hosting: this.#host?.profileId ?? null,
      owner: isThere ? { workerId: lease.owner ?? null } : null,
      nowMs,
    });
    if (refusal !== null || lease === undefined) {
      if (refusal !== null) await this.#refuse(run, refusal, signal);
      return;
    }
    const stream = await ports.control.describe(settings.streamName, signal);
    const begun = await ports.profiles.change(run, { state: 'warming' }, signal);
    if (begun.kind === 'gone' || this.#stopped) return;
    const host = new ProfilingHost({
      ...this.#options,
      settings: { ...settings, ...this.#options.inForce() },
      run: begun.run,
      lease,
      shards: stream?.shards.length ?? 1,
      ownsShard: () => table.owners.has(run.shardId),
      ownRecords: () => table.total.records,
    });
    this.#host = host;
    void host.running.then(() => {
      if (this.#host === host) this.#host = null;
    });
  }

  async #refuse(run: ProfilingRun, refusal: ProfilingEnd, signal: AbortSignal): Promise<void> {
    const { ports, emit } = this.#options;
    if ((await ports.profiles.end(run, refusal, signal)).kind === 'gone') return;
    emit({ kind: 'profiling-ended', shardId: run.shardId, profileId: run.profileId, end: 'refused', detail: refusal.detail });
  }

  /** A host that was killed leaves its item, its registered consumer and its results: whoever looks first takes them away. */
  async #clearUpAfter(run: ProfilingRun, runs: readonly ProfilingRun[], nowMs: number): Promise<void> {
    const { ports, results, streamArn, emit } = this.#options;
    const end = hostLost(run, nowMs);
    if ((await ports.profiles.end(run, end)).kind === 'gone') return;
    emit({ kind: 'profiling-ended', shardId: run.shardId, profileId: run.profileId, end: end.by, detail: end.detail });
    if (results.isShared) for (const side of ['a', 'aa', 'b', 'primary']) await results.clear(spaceOf(run, side));
    if (mayUseConsumer(run)) await deregisterAfter(run, runs, ports.control, streamArn, nowMs);
  }

  /** Writes the primary's results for as long as somebody compares. */
  async #tell(): Promise<void> {
    const { ports, emit } = this.#options;
    while (this.#primary.isTelling && !this.#abort.signal.aborted) {
      await ports.clock.sleep(TELL_EVERY_MS, this.#abort.signal);
      try {
        await this.#primary.write();
      } catch (error) {
        // What was not written is not compared; the records themselves are not concerned.
        emit({ kind: 'failed', doing: 'tell results', shardId: null, error, retryInMs: TELL_EVERY_MS });
      }
    }
    this.#telling = null;
  }
}
