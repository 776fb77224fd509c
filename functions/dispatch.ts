// functions: commands become lease writes and executions.
// in: a batch of the FIFO queue · out: the messages that were not carried out; order within a group is kept
import type { SQSBatchResponse } from 'aws-lambda';
import { z } from 'zod';
import { PoisonError } from '../lib/errors.ts';
import { Command } from '../lib/model/operation.ts';
import { dispatchCommand } from './dispatch-command.ts';
import { type Task, task, translated } from './shell.ts';

const Batch = z.object({
  Records: z.array(
    z.object({ messageId: z.string(), body: z.string(), attributes: z.looseObject({ MessageGroupId: z.string().default('') }) }),
  ),
});

/** Reads a message. One that is no command never will be: after its receives it goes to the dead-letter queue. */
export const commandIn = (body: string): Command => {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch (error) {
    throw new PoisonError('a message of the command queue must be JSON', { cause: error });
  }
  const parsed = z.safeDecode(Command, json as z.input<typeof Command>);
  if (!parsed.success) throw new PoisonError(`the message is no command: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
};

export const dispatch = {
  name: 'dispatch',
  input: Batch,
  run: async ({ Records }, { ports, nowMs, signal, log }): Promise<SQSBatchResponse> => {
    const failed: string[] = [];
    const brokenGroups = new Set<string>();
    for (const { messageId, body, attributes } of Records) {
      const group = attributes.MessageGroupId;
      if (brokenGroups.has(group)) {
        failed.push(messageId);
        continue;
      }
      try {
        const command = commandIn(body);
        const done = await dispatchCommand(command, ports, nowMs, signal);
        log.info('dispatched', { operationId: command.operationId, action: command.action.kind, done });
      } catch (error) {
        // What follows in this group must not overtake it.
        const cause = translated(error);
        log.error(cause.message, { error: cause, messageId });
        brokenGroups.add(group);
        failed.push(messageId);
      }
    }
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
  },
} satisfies Task<typeof Batch, SQSBatchResponse>;

export const handler = task(dispatch);
