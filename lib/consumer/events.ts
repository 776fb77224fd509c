// lib/consumer: what happens in a worker, for hooks, logs and metrics. Nothing is logged here; the embedding program decides.

export type ConsumerEvent =
  | {
      readonly kind: 'lease-taken';
      readonly shardId: string;
      readonly epoch: number;
      readonly how: 'claimed' | 'taken-over' | 'assigned' | 'handed-over';
      readonly from: string;
    }
  | { readonly kind: 'lease-lost'; readonly shardId: string; readonly epoch: number; readonly to: string | null }
  | { readonly kind: 'lease-given-back'; readonly shardId: string }
  | { readonly kind: 'shard-ended'; readonly shardId: string }
  | { readonly kind: 'shadow-started' | 'shadow-stopped'; readonly shardId: string }
  | { readonly kind: 'shadow-diverged'; readonly shardId: string; readonly at: string }
  | { readonly kind: 'paused' | 'resumed'; readonly shardId: string; readonly handoverId: string | null }
  | { readonly kind: 'handed-over'; readonly shardId: string; readonly handoverId: string; readonly to: string }
  | { readonly kind: 'heartbeat-late'; readonly lateMs: number }
  | {
      readonly kind: 'failed';
      readonly doing: string;
      readonly shardId: string | null;
      readonly error: unknown;
      readonly retryInMs: number;
    };

export type Emit = (event: ConsumerEvent) => void;
