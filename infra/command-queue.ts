// infra: the way from a decision to its execution.
// in: nothing · out: a FIFO queue with its dead letters; `consume` gives it its dispatcher
import { Duration } from 'aws-cdk-lib';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { DeduplicationScope, FifoThroughputLimit, Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

/** Seconds: a message that failed is seen again after this; three times the dispatcher's own limit, so that it is never seen twice at once. */
const VISIBILITY_SEC = 60;
export const DISPATCH_TIMEOUT_SEC = 20;
const RECEIVES = 3;

/** Commands in order per shard (the message group), each once (the operation's id). */
export class CommandQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const fifo = { fifo: true, encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true };
    this.deadLetters = new Queue(this, 'DeadLetters', { ...fifo, retentionPeriod: Duration.days(14) });
    this.queue = new Queue(this, 'Queue', {
      ...fifo,
      visibilityTimeout: Duration.seconds(VISIBILITY_SEC),
      // Older commands are refused as stale anyway.
      retentionPeriod: Duration.hours(1),
      deduplicationScope: DeduplicationScope.MESSAGE_GROUP,
      fifoThroughputLimit: FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: RECEIVES },
    });
  }

  /** Feeds the dispatcher. It answers with the messages that it could not carry out. */
  consume(dispatch: LambdaFunction): void {
    dispatch.addEventSource(new SqsEventSource(this.queue, { batchSize: 10, reportBatchItemFailures: true }));
  }
}
