// local/sink-client: the worker's end of the sink.
// in: batches · out: the sink's answer to each; a broken connection fails what is unanswered and is made anew by the next batch
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { TransientError } from '../lib/errors.ts';
import type { SinkAnswer, SinkBatch } from './sink.ts';

export interface SinkClient {
  write(batch: Omit<SinkBatch, 'id'>): Promise<SinkAnswer>;
  close(): void;
}

/** Connects on the first write. */
export const sinkClient = (port: number): SinkClient => {
  const waiting = new Map<number, { resolve: (answer: SinkAnswer) => void; reject: (error: Error) => void }>();
  let socket: Socket | null = null;
  let lastId = 0;
  const fail = (broken: Socket, why: string) => {
    if (socket !== broken) return;
    socket = null;
    for (const { reject } of waiting.values()) reject(new TransientError(`the sink's connection ended: ${why}`));
    waiting.clear();
  };
  const open = (): Socket => {
    const opened = connect(port, '127.0.0.1');
    opened.setNoDelay(true);
    opened.on('error', (error) => fail(opened, error.message));
    opened.on('close', () => fail(opened, 'closed'));
    const lines = createInterface({ input: opened });
    lines.on('error', () => {});
    lines.on('line', (line) => {
      const answer = JSON.parse(line) as SinkAnswer;
      waiting.get(answer.id)?.resolve(answer);
      waiting.delete(answer.id);
    });
    return opened;
  };
  return {
    write: (batch) =>
      new Promise((resolve, reject) => {
        socket ??= open();
        const id = ++lastId;
        waiting.set(id, { resolve, reject });
        socket.write(`${JSON.stringify({ ...batch, id })}\n`);
      }),
    close: () => socket?.destroy(),
  };
};
