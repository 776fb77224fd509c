// lib/consumer: calls of the user's code for one shard: what it is told, what it declares, and what follows when it throws.
// in: the records of one lane · out: records that are processed, skipped or dead-lettered; a shard that stops; events for all of it
import { FencedError } from '../errors.ts';
import type { Checkpoint } from '../model/sequence-number.ts';
import type { StreamRecord } from '../model/shard.ts';
import type { CallWatch } from './call-watch.ts';
import { type CallOutcome, type LaneCall, NOT_ALLOWED_MS } from './dispatch-lanes.ts';
import type { Emit } from './events.ts';
import { plainStage } from './plain-context.ts';
import { afterFailure, backOffMs, NO_TRIES } from './poison.ts';
import type { OnPoison, Processor, ProcessorContext, ProcessorResults, Retries } from './processor.ts';

export interface ProcessorCallsOptions {
  readonly processor: Processor;
  /** What every context says, besides the epoch. */
  readonly of: Pick<ProcessorContext, 'application' | 'streamName' | 'shardId' | 'workerId' | 'lanes' | 'signal'>;
  readonly epoch: () => number;
  readonly results: () => ProcessorResults;
  readonly onPoison: OnPoison;
  readonly retries: Retries;
  readonly random: () => number;
  readonly emit: Emit;
  readonly watch: CallWatch;
  readonly mayAct: () => boolean;
  /** Ends early when the shard is paused, resumed or let go. */
  readonly wait: (ms: number) => Promise<void>;
  readonly isHeld: () => boolean;
  /** The processor says that everything through the end of this call is processed. */
  readonly declare: (call: LaneCall) => void;
  readonly checkpointNow: () => Promise<'written' | 'fenced'>;
}

/** A record that stopped its shard. */
export interface StoppedAt {
  readonly sequenceNumber: string;
  readonly subSequenceNumber: number | null;
  readonly error: unknown;
}

const WHAT_TO_DO =
  'the shard stands still before this record and so will its next owner: mend the processor and start the worker anew, or set onPoison to ' +
  "'skip' or { deadLetter } to go on without such records";

/** One shard's calls. */
export class ProcessorCalls {
  readonly #options: ProcessorCallsOptions;
  #skipped = 0;
  #deadLettered = 0;
  #stoppedAt: StoppedAt | null = null;

  constructor(options: ProcessorCallsOptions) {
    this.#options = options;
  }

  get skipped(): number {
    return this.#skipped;
  }
  get deadLettered(): number {
    return this.#deadLettered;
  }
  get stoppedAt(): StoppedAt | null {
    return this.#stoppedAt;
  }

  /** One call. On failure its records again, with back-off, so that nothing is left out or reordered; what becomes of poison is the user's choice. */
  async carryOut(call: LaneCall): Promise<CallOutcome> {
    const { processor, watch, of } = this.#options;
    const { work, records, end } = call;
    const begin = work.next;
    let inFlight = true;
    const context = this.#context(() => {
      if (inFlight) work.next = Math.max(work.next, end);
      this.#options.declare(call);
    });
    try {
      await watch.run('process', records.length, records[0]?.sequenceNumber ?? null, () => processor.process(records, context));
      work.next = end;
      work.tries = { ...NO_TRIES, isolated: work.tries.isolated };
      return 'on';
    } catch (error) {
      if (of.signal.aborted) return 'on';
      if (work.next < end) return await this.#afterFailure(call, begin, error);
      // It has declared them processed before it threw: they are not given again.
      this.#failed('process', error, 0);
      return 'on';
    } finally {
      inFlight = false;
    }
  }

  /**
   * One call of a lifecycle method, again with back-off until it returns. False: interrupted, since the shard was let go or `isWanted` no longer holds.
   * `declare`: what a checkpoint that it asks for declares.
   */
  async hook(
    doing: 'flush' | 'shardStarted' | 'shardEnded',
    from: Checkpoint,
    declare: () => void,
    isWanted: () => boolean,
  ): Promise<boolean> {
    const { processor, watch, mayAct, of, retries, random, wait } = this.#options;
    for (let failures = 0; isWanted() && !of.signal.aborted; ) {
      if (!mayAct()) {
        await wait(NOT_ALLOWED_MS);
        continue;
      }
      try {
        const context = this.#context(declare);
        await watch.run(doing, 0, null, async () => {
          if (doing === 'shardStarted') await processor.shardStarted?.(context, from);
          else await processor[doing]?.(context);
        });
        return true;
      } catch (error) {
        if (of.signal.aborted) return false;
        failures += 1;
        const retryInMs = backOffMs(failures, retries, random);
        this.#failed(doing, error, retryInMs);
        await wait(retryInMs);
      }
    }
    return false;
  }

  /** Tells the processor that the shard is gone. There is nothing to repeat and nothing to wait for. */
  async tellLost(): Promise<void> {
    const { processor, of, epoch } = this.#options;
    try {
      await processor.leaseLost?.({ shardId: of.shardId, epoch: epoch() });
    } catch (error) {
      this.#failed('leaseLost', error, 0);
    }
  }

  async #afterFailure(call: LaneCall, begin: number, thrown: unknown): Promise<CallOutcome> {
    const { retries, random, wait, isHeld } = this.#options;
    const { work, records } = call;
    const verdict = afterFailure(thrown, records, work.tries, retries, random);
    work.next = begin + verdict.done;
    work.tries = verdict.tries;
    const record = records[verdict.done];
    if (verdict.kind === 'poison' && record !== undefined) return this.#poison(call, record, verdict.error);
    const retryInMs = verdict.kind === 'retry' ? verdict.inMs : 0;
    this.#failed('process', verdict.error, retryInMs);
    if (!isHeld() && retryInMs > 0) await wait(retryInMs);
    return isHeld() ? this.#giveUp(call) : 'on';
  }

  async #poison(call: LaneCall, record: StreamRecord, error: unknown): Promise<CallOutcome> {
    const { onPoison, of, emit } = this.#options;
    const { sequenceNumber, subSequenceNumber = null } = record;
    const what = { shardId: of.shardId, sequenceNumber, subSequenceNumber, error };
    if (onPoison === 'stop') {
      this.#stoppedAt ??= { sequenceNumber, subSequenceNumber, error };
      emit({ kind: 'shard-stopped', ...what, whatToDo: WHAT_TO_DO });
      return 'halted';
    }
    if (onPoison === 'skip') {
      this.#skipped += 1;
      emit({ kind: 'record-skipped', ...what });
    } else {
      if (!(await this.#deadLetter(onPoison.deadLetter, call, record, error))) return this.#giveUp(call);
      this.#deadLettered += 1;
      emit({ kind: 'record-dead-lettered', ...what });
    }
    call.work.next += 1;
    return 'on';
  }

  /** Again and again until the letter is accepted; false: interrupted. */
  async #deadLetter(
    deadLetter: Exclude<OnPoison, string>['deadLetter'],
    call: LaneCall,
    record: StreamRecord,
    error: unknown,
  ): Promise<boolean> {
    const { watch, mayAct, of, retries, random, wait, isHeld } = this.#options;
    const context = this.#context(() => this.#options.declare({ ...call, end: call.work.next }));
    for (let failures = 0; !of.signal.aborted; ) {
      let waitMs = NOT_ALLOWED_MS;
      if (mayAct()) {
        try {
          await watch.run('deadLetter', 1, record.sequenceNumber, () => deadLetter(record, error, context));
          return true;
        } catch (refusal) {
          if (of.signal.aborted) return false;
          failures += 1;
          waitMs = backOffMs(failures, retries, random);
          this.#failed('deadLetter', refusal, waitMs);
        }
      }
      if (!isHeld()) await wait(waitMs);
      if (isHeld()) return false;
    }
    return false;
  }

  #giveUp({ work }: LaneCall): CallOutcome {
    work.tries = NO_TRIES;
    return 'given-up';
  }

  #context(declare: () => void): ProcessorContext {
    const { of, epoch: epochNow, checkpointNow } = this.#options;
    const epoch = epochNow();
    const fenced = () =>
      new FencedError(
        `shard ${of.shardId} is no longer owned by worker ${of.workerId} under epoch ${epoch}: write nothing more for it, another owner goes on`,
      );
    return {
      ...of,
      epoch,
      shadow: false,
      leg: null,
      stage: plainStage,
      results: this.#options.results(),
      checkpoint: async () => {
        if (of.signal.aborted) throw fenced();
        declare();
        if ((await checkpointNow()) === 'fenced') throw fenced();
      },
    };
  }

  #failed(doing: string, error: unknown, retryInMs: number): void {
    this.#options.emit({ kind: 'failed', doing, shardId: this.#options.of.shardId, error, retryInMs });
  }
}
