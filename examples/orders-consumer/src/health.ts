// orders-consumer: whether the container is to be replaced.
// in: the consumer's status · out: 200 or 503 on the loopback
import { createServer, type Server } from 'node:http';
import type { ConsumerStatus } from 'penumbra';

/** A worker that may not act has lost DynamoDB. That passes for most; one that stays so is better replaced, perhaps in another zone. */
const MAY_NOT_ACT_MS = 60_000;

export type Health = { readonly kind: 'healthy' } | { readonly kind: 'unhealthy'; readonly reason: string };

/** `lastActedMs` is when the worker last might act, by the same clock as `nowMs`. A worker that starts or drains is healthy: give it time. */
export const healthOf = (
  { state, mayAct }: Pick<ConsumerStatus, 'state' | 'mayAct'>,
  lastActedMs: number,
  nowMs: number,
): Health => {
  if (state === 'stopped') return { kind: 'unhealthy', reason: 'the consumer has stopped' };
  const silentMs = nowMs - lastActedMs;
  if (state === 'running' && !mayAct && silentMs > MAY_NOT_ACT_MS)
    return { kind: 'unhealthy', reason: `heartbeats have not been stored for ${Math.round(silentMs / 1000)} s` };
  return { kind: 'healthy' };
};

/** Answers `GET /health` on 127.0.0.1 with the status as JSON. */
export const serveHealth = (port: number, status: () => ConsumerStatus): Server => {
  let lastActedMs = performance.now();
  return createServer((_, response) => {
    const now = status();
    if (now.mayAct) lastActedMs = performance.now();
    const health = healthOf(now, lastActedMs, performance.now());
    response
      .writeHead(health.kind === 'healthy' ? 200 : 503, { 'content-type': 'application/json' })
      .end(JSON.stringify({ ...health, status: now }));
  }).listen(port, '127.0.0.1');
};
