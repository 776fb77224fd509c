// local/fault-proxy: a bad network on loopback between one process and one endpoint.
// in: an endpoint, and the fault that holds until the next one · out: the endpoint's answers, late, refused, lost, or none
import { Agent, createServer, type IncomingMessage, request as requestUpstream, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Call, type Hold, Holds } from './held-call.ts';

/**
 * `pass`: nothing is wrong. `cut`: connections are reset, new ones too. `blackhole`: connections open and nothing moves on them; what
 * still waits when it ends goes on, late, as after a network that came back. `delay`: every request waits so long before it is sent on.
 * `throttle`: this share of the calls is refused with ProvisionedThroughputExceededException. `lose-answers`: this share of the calls
 * is carried out, and the connection reset in place of the answer.
 */
export type Fault =
  | { readonly kind: 'pass' | 'cut' | 'blackhole' }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'throttle' | 'lose-answers'; readonly share: number };

/** What the proxy did since its start; connections for `cut`, calls and what comes of answers for `held`, calls for the others. */
export interface FaultCounts {
  readonly passed: number;
  readonly cut: number;
  readonly held: number;
  readonly delayed: number;
  readonly throttled: number;
  readonly answersLost: number;
}

export interface FaultProxy {
  /** What a client takes for the endpoint. */
  readonly url: string;
  readonly counts: FaultCounts;
  /** Holds from now on, for open connections too. Throws a RangeError for a share outside (0, 1] and for a delay below 0. */
  set(fault: Fault): void;
  /** Holds the next call of this kind before it reaches the endpoint. Once it is sent on it arrives, whatever the fault is by then: it was on its way. */
  hold(matches: (call: Call) => boolean): Hold;
  close(): Promise<void>;
}

/** Of this hop only (RFC 9110, 7.6.1): the other side negotiates its own. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'te', 'trailer']);
const forwardable = (message: IncomingMessage): Record<string, string | string[]> =>
  Object.fromEntries(
    Object.entries(message.headers).flatMap(([name, value]) =>
      value === undefined || HOP_BY_HOP.has(name) ? [] : [[name, value] as const],
    ),
  );

/** How each service words it, by the prefix of `x-amz-target`. Source: AWS JSON 1.0 and 1.1 protocols; the type as each service sends it. */
const throttled = (target: string): { readonly type: string; readonly contentType: string } =>
  target.startsWith('DynamoDB_')
    ? {
        type: 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException',
        contentType: 'application/x-amz-json-1.0',
      }
    : { type: 'ProvisionedThroughputExceededException', contentType: 'application/x-amz-json-1.1' };

const refuse = (response: ServerResponse, target: string): void => {
  const { type, contentType } = throttled(target);
  const message = 'The rate of this request is above what the fault proxy lets through';
  response.writeHead(400, { 'content-type': contentType }).end(JSON.stringify({ __type: type, message }));
};

const bodyOf = async (incoming: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

const checked = (fault: Fault): Fault => {
  if ('share' in fault && !(fault.share > 0 && fault.share <= 1))
    throw new RangeError(`share of fault ${fault.kind} must be in (0, 1], got ${fault.share}`);
  if (fault.kind === 'delay' && !(fault.ms >= 0)) throw new RangeError(`ms of fault delay must be 0 or more, got ${fault.ms}`);
  return fault;
};

/** Starts a proxy to `target` (http only) on a free loopback port. `chance` decides which calls a share falls on. */
export const startFaultProxy = async (target: string, chance: () => number): Promise<FaultProxy> => {
  const upstream = new URL(target);
  // One connection per call: an idle one that the endpoint closes meanwhile would be a fault that nobody asked for.
  const agent = new Agent({ keepAlive: false });
  const counts = { passed: 0, cut: 0, held: 0, delayed: 0, throttled: 0, answersLost: 0 };
  const sockets = new Set<Socket>();
  let fault: Fault = { kind: 'pass' };
  let gate = Promise.resolve();
  let openGate = () => {};

  const holds = new Holds();

  /** Whatever is on its way waits here while the hole is there: a call, an answer, a part of one. */
  const throughGate = (): Promise<void> => {
    if (fault.kind === 'blackhole') counts.held += 1;
    return gate;
  };

  const begin = (incoming: IncomingMessage) =>
    requestUpstream({
      agent,
      host: upstream.hostname,
      port: upstream.port,
      method: incoming.method,
      path: incoming.url,
      headers: forwardable(incoming),
    });

  /** Carries out a call that was held. Nobody need wait for it any more: it arrives all the same. */
  const sendOn = (incoming: IncomingMessage, body: Buffer, response: ServerResponse | null): Promise<void> =>
    new Promise((resolve) => {
      const sent = begin(incoming);
      sent.on('error', () => {
        if (response !== null) incoming.socket.destroy();
        resolve();
      });
      sent.on('response', async (answer) => {
        const said = await bodyOf(answer).catch(() => null);
        resolve();
        await throughGate();
        if (response === null || response.destroyed) return;
        if (said === null) incoming.socket.destroy();
        else response.writeHead(answer.statusCode ?? 502, forwardable(answer)).end(said);
      });
      sent.end(body);
    });

  /** `body`: where it was read already. */
  const carry = (incoming: IncomingMessage, response: ServerResponse, losesAnswer: boolean, body: Buffer | null): void => {
    const sent = begin(incoming);
    response.on('close', () => sent.destroy());
    sent.on('error', () => incoming.socket.destroy());
    sent.on('response', async (answer) => {
      answer.on('error', () => incoming.socket.destroy());
      if (losesAnswer) {
        answer.resume();
        answer.on('end', () => {
          counts.answersLost += 1;
          incoming.socket.resetAndDestroy();
        });
        return;
      }
      await throughGate();
      if (response.destroyed) return;
      response.writeHead(answer.statusCode ?? 502, forwardable(answer));
      response.flushHeaders();
      answer.on('end', () => void gate.then(() => response.end()));
      answer.on('data', async (chunk: Buffer) => {
        answer.pause();
        await throughGate();
        if (response.destroyed) return;
        if (!response.write(chunk)) await new Promise<void>((done) => response.once('drain', done).once('close', done));
        answer.resume();
      });
      counts.passed += 1;
    });
    if (body === null) incoming.pipe(sent);
    else sent.end(body);
  };

  const server = createServer(async (incoming, response) => {
    response.on('error', () => {});
    incoming.on('error', () => {});
    const target = String(incoming.headers['x-amz-target'] ?? '');
    const body = holds.areOpen ? await bodyOf(incoming).catch(() => null) : null;
    if (body !== null) {
      const isHeld = holds.take({ target, body: body.toString() }, (isFirst) =>
        sendOn(incoming, body, isFirst ? response : null),
      );
      if (isHeld) return;
    }
    const now = fault;
    if (now.kind === 'throttle' && chance() < now.share) {
      counts.throttled += 1;
      incoming.resume();
      refuse(response, target);
      return;
    }
    if (now.kind === 'delay') {
      counts.delayed += 1;
      await sleep(now.ms);
    }
    await throughGate();
    if (!response.destroyed) carry(incoming, response, now.kind === 'lose-answers' && chance() < now.share, body);
  });
  // The client alone decides how long its connections live.
  Object.assign(server, { keepAliveTimeout: 0, headersTimeout: 0, requestTimeout: 0 });
  const cut = (socket: Socket) => {
    counts.cut += 1;
    socket.resetAndDestroy();
  };
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    if (fault.kind === 'cut') cut(socket);
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    get counts() {
      return { ...counts };
    },
    set: (next) => {
      const before = fault.kind;
      fault = checked(next);
      if (fault.kind === 'cut') for (const socket of sockets) cut(socket);
      if (fault.kind === 'blackhole' && before !== 'blackhole')
        gate = new Promise((resolve) => {
          openGate = resolve;
        });
      if (fault.kind !== 'blackhole') openGate();
    },
    hold: (matches) => holds.want(matches),
    close: () =>
      new Promise((resolve) => {
        openGate();
        for (const socket of sockets) socket.destroy();
        agent.destroy();
        server.close(() => resolve());
      }),
  };
};
