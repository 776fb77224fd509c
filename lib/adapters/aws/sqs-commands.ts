// lib/adapters/aws: the command queue: SQS FIFO, one message group per shard, one message per operation.
// in: commands · out: sent, all of them, or an error
import { SendMessageBatchCommand, type SendMessageBatchRequestEntry, type SQSClient } from '@aws-sdk/client-sqs';
import { z } from 'zod';
import { InvariantError, PoisonError, TransientError } from '../../errors.ts';
import { Command } from '../../model/operation.ts';
import type { Clock, CommandQueue } from '../../ports.ts';
import { sending } from './sdk-errors.ts';

/** Source: SendMessageBatch; MessageGroupId has at most 128 characters (a cut one only serialises more than needed). */
const MAX_MESSAGES = 10;
const MAX_GROUP = 128;
const MAX_TRIES = 5;

const entryOf = (command: Command, index: number): SendMessageBatchRequestEntry => ({
  Id: String(index),
  MessageBody: JSON.stringify(z.encode(Command, command)),
  MessageGroupId: `${command.streamName}/${command.action.shardId}`.slice(-MAX_GROUP),
  MessageDeduplicationId: command.operationId,
});

/** The queue behind an URL; messages that SQS did not take are sent again. */
export const sqsCommands = (client: SQSClient, clock: Clock, queueUrl: string | undefined): CommandQueue => ({
  send: async (commands, signal) => {
    if (commands.length === 0) return;
    if (queueUrl === undefined) throw new InvariantError('commandQueueUrl must be configured to send commands, got none');
    for (let i = 0; i < commands.length; i += MAX_MESSAGES) {
      let left = commands.slice(i, i + MAX_MESSAGES).map(entryOf);
      for (let tries = 0; left.length > 0; tries += 1) {
        if (tries > 0) await clock.sleep(50 * 2 ** tries, signal);
        const request = new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries: left });
        const { Failed = [] } = await sending(`send ${left.length} commands`, () =>
          client.send(request, { ...(signal && { abortSignal: signal }) }),
        );
        const ours = Failed.find((failure) => failure.SenderFault);
        if (ours !== undefined)
          throw new PoisonError(
            `command ${left.find(({ Id }) => Id === ours.Id)?.MessageDeduplicationId} was refused: ${ours.Code} ${ours.Message ?? ''}`,
          );
        const failed = new Set(Failed.map(({ Id }) => Id));
        left = left.filter(({ Id }) => failed.has(Id));
        if (left.length > 0 && tries + 1 >= MAX_TRIES)
          throw new TransientError(
            `${left.length} commands were not taken after ${MAX_TRIES} tries: ${Failed[0]?.Code} ${Failed[0]?.Message ?? ''}`,
          );
      }
    }
  },
});
