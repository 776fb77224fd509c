// lib/effects: a whole processor out of one function that says what to write for records.
// in: dynamodbEffects, and the function · out: a Processor whose effects happen once
import type { Processor, ProcessorContext } from '../consumer/processor.ts';
import { FencedError, PoisonError } from '../errors.ts';
import type { StreamRecord } from '../model/shard.ts';
import type { DynamodbEffects, ItemsOf } from './dynamodb-effects.ts';

/** What to write for records that were not written yet. Must not have effects of its own: it may be called again for the same records. */
export type EffectsOf = (records: readonly StreamRecord[], context: ProcessorContext) => ReturnType<ItemsOf>;

export interface EffectsOptions {
  /**
   * Declares that the function may be run in a profiling shadow (Processor.shadowSafe): what it says goes to the shadow's results then, and not to DynamoDB, so
   * that the time of the transaction is not measured. @default false
   */
  readonly shadowSafe?: boolean;
}

/**
 * A processor that writes what `itemsOf` says, once. It declares that it bears one lane only (`maxConcurrencyPerShard: 1`). Throws a FencedError where another worker owns the shard by now, and a PoisonError where a
 * condition of one of the items does not hold: the runtime then finds the record that it belongs to and does with it what `onPoison` says.
 */
export const effectsProcessor = (effects: DynamodbEffects, itemsOf: EffectsOf, options: EffectsOptions = {}): Processor => ({
  shadowSafe: options.shadowSafe === true,
  // A transaction moves the checkpoint of the whole shard: its records must come in one lane.
  maxConcurrencyPerShard: 1,
  process: async (records, context) => {
    if (context.shadow && options.shadowSafe === true) {
      const items = await itemsOf(records, context);
      const [first] = records;
      await context.results.put(`${first?.sequenceNumber}.${first?.subSequenceNumber ?? 0}`, items);
      return;
    }
    const answer = await effects.write(context, records, (left) => itemsOf(left, context));
    if (answer.kind === 'fenced')
      throw new FencedError(
        `${context.shardId} is no longer worker ${context.workerId}'s under epoch ${context.epoch}: ` +
          `owner is ${answer.owner ?? 'nobody'}, epoch ${answer.epoch ?? 'none'}; nothing was written`,
      );
    if (answer.kind === 'refused')
      throw new PoisonError(
        `${context.shardId}: the condition of item ${answer.items.map(({ index }) => index).join(', ')} did not hold, so that nothing was written; ` +
          'an effect that may be refused needs a condition that says so, or none',
      );
  },
});
