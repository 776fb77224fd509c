// public: what `import … from 'penumbra/effects'` gives: effects once on DynamoDB, fencing of single items, positions for a sink of one's own.

export type {
  DynamodbEffects,
  DynamodbEffectsOptions,
  EffectContext,
  EffectsAnswer,
  ItemsOf,
  RefusedItem,
} from '../lib/effects/dynamodb-effects.ts';
export { dynamodbEffects } from '../lib/effects/dynamodb-effects.ts';
export type { EffectsOf, EffectsOptions } from '../lib/effects/effects-processor.ts';
export { effectsProcessor } from '../lib/effects/effects-processor.ts';
export type { Fence, FencedAnswer } from '../lib/effects/fence.ts';
export { fence, fencedUpdate } from '../lib/effects/fence.ts';
export type { Position } from '../lib/effects/position.ts';
export { comparePositions, formatPosition, parsePosition, positionOf, recordsAfter } from '../lib/effects/position.ts';
