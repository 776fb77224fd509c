import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { KinesisClient, ListStreamsCommand } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startFaultProxy } from '../../local/fault-proxy.ts';

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly body: string;
}

/** An endpoint that remembers what it was asked, and a proxy before it. */
const behindProxy = async (
  chance: () => number = () => 0,
  answer = (_: IncomingMessage, to: ServerResponse) => void to.end('{}'),
) => {
  const asked: Asked[] = [];
  const server = createServer(async (incoming, response) => {
    let body = '';
    for await (const chunk of incoming) body += chunk;
    asked.push({ method: incoming.method ?? '', url: incoming.url ?? '', body });
    answer(incoming, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy = await startFaultProxy(`http://127.0.0.1:${(server.address() as { port: number }).port}`, chance);
  onTestFinished(async () => {
    await proxy.close();
    server.closeAllConnections();
    server.close();
  });
  const ask = (body: string, signal?: AbortSignal) =>
    fetch(`${proxy.url}/path?a=1`, {
      method: 'POST',
      body,
      headers: { 'x-amz-target': 'DynamoDB_20120810.Test' },
      ...(signal && { signal }),
    });
  return { asked, proxy, ask };
};

const outcomeOf = (answer: Promise<Response>, withinMs: number) =>
  Promise.race([
    answer.then(
      ({ status }) => status,
      () => 'failed' as const,
    ),
    sleep(withinMs).then(() => 'nothing' as const),
  ]);

const awsConfig = (endpoint: string) => ({
  endpoint,
  region: 'us-east-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  maxAttempts: 1,
  requestHandler: new NodeHttpHandler(),
});

describe('startFaultProxy', () => {
  it('carries requests and answers as they are', async () => {
    const { asked, proxy, ask } = await behindProxy(undefined, (incoming, to) => {
      to.writeHead(418, { 'x-answer': String(incoming.headers['x-amz-target']) }).end('tea');
    });
    const answer = await ask('hello');
    expect([answer.status, answer.headers.get('x-answer'), await answer.text()]).toEqual([418, 'DynamoDB_20120810.Test', 'tea']);
    expect(asked).toEqual([{ method: 'POST', url: '/path?a=1', body: 'hello' }]);
    expect(proxy.counts).toEqual({ passed: 1, cut: 0, held: 0, delayed: 0, throttled: 0, answersLost: 0 });
  });

  it('carries an answer piece by piece as it comes, and tells the endpoint when the client has gone', async () => {
    let gone = () => {};
    const hasGone = new Promise<void>((resolve) => {
      gone = resolve;
    });
    const { ask } = await behindProxy(undefined, (_, to) => {
      to.on('close', gone);
      to.write('one');
    });
    const leaving = new AbortController();
    const answer = await ask('', leaving.signal);
    const first = await answer.body?.getReader().read();
    expect(Buffer.from(first?.value ?? []).toString()).toBe('one');
    leaving.abort();
    await hasGone;
  });

  it('cut: resets what is open and what is new, until it passes again', async () => {
    const { asked, proxy, ask } = await behindProxy(undefined, (_, to) => void setTimeout(() => to.end('{}'), 300));
    const open = ask('open');
    await expect.poll(() => asked.length).toBe(1);
    proxy.set({ kind: 'cut' });
    await expect(open).rejects.toThrow('fetch failed');
    await expect(ask('new')).rejects.toThrow('fetch failed');
    expect(proxy.counts.cut).toBeGreaterThanOrEqual(2);
    proxy.set({ kind: 'pass' });
    expect((await ask('again')).status).toBe(200);
    expect(asked.map(({ body }) => body)).toEqual(['open', 'again']);
  });

  it('blackhole: takes connections and requests, answers nothing, and lets the requests arrive late when it ends', async () => {
    const { asked, proxy, ask } = await behindProxy();
    await ask('before');
    proxy.set({ kind: 'blackhole' });
    const held = ask('held');
    expect(await outcomeOf(held, 200)).toBe('nothing');
    expect(proxy.counts.held).toBe(1);
    expect(asked.map(({ body }) => body)).toEqual(['before']);
    proxy.set({ kind: 'pass' });
    expect((await held).status).toBe(200);
    expect(asked.map(({ body }) => body)).toEqual(['before', 'held']);
  });

  it('blackhole: never sends on what its client has given up', async () => {
    const { asked, proxy, ask } = await behindProxy();
    proxy.set({ kind: 'blackhole' });
    const giveUp = new AbortController();
    const held = ask('given up', giveUp.signal);
    await expect.poll(() => proxy.counts.held).toBe(1);
    giveUp.abort();
    await expect(held).rejects.toThrow();
    await sleep(50);
    proxy.set({ kind: 'pass' });
    await ask('after');
    expect(asked.map(({ body }) => body)).toEqual(['after']);
  });

  it('blackhole: stops an answer that is under way', async () => {
    let say: (text: string) => void = () => {};
    const { proxy, ask } = await behindProxy(undefined, (_, to) => {
      say = (text) => void to.write(text);
      say('one');
    });
    const reader = (await ask('')).body!.getReader();
    await reader.read();
    proxy.set({ kind: 'blackhole' });
    say('two');
    const next = reader.read();
    expect(await Promise.race([next.then(() => 'came'), sleep(200).then(() => 'nothing')])).toBe('nothing');
    expect(proxy.counts.held).toBe(1);
    proxy.set({ kind: 'pass' });
    expect(Buffer.from((await next).value ?? []).toString()).toBe('two');
    await reader.cancel();
  });

  it('delay: sends every request on after so long', async () => {
    const { asked, proxy, ask } = await behindProxy();
    proxy.set({ kind: 'delay', ms: 200 });
    const late = ask('late');
    expect(await outcomeOf(late, 100)).toBe('nothing');
    expect(asked).toEqual([]);
    expect((await late).status).toBe(200);
    expect(proxy.counts.delayed).toBe(1);
  });

  it('throttle: refuses calls in the words of DynamoDB and of Kinesis, and sends none of them on', async () => {
    const { asked, proxy } = await behindProxy();
    proxy.set({ kind: 'throttle', share: 1 });
    const name = 'ProvisionedThroughputExceededException';
    const dynamodb = new DynamoDBClient(awsConfig(proxy.url));
    await expect(dynamodb.send(new ListTablesCommand({}))).rejects.toMatchObject({ name, $metadata: { httpStatusCode: 400 } });
    const kinesis = new KinesisClient(awsConfig(proxy.url));
    await expect(kinesis.send(new ListStreamsCommand({}))).rejects.toMatchObject({ name, $metadata: { httpStatusCode: 400 } });
    expect(asked).toEqual([]);
    expect(proxy.counts.throttled).toBe(2);
  });

  it('throttle: refuses the share that chance falls on', async () => {
    const chances = [0.1, 0.29, 0.3, 0.9];
    const { asked, proxy, ask } = await behindProxy(() => chances.shift() ?? 1);
    proxy.set({ kind: 'throttle', share: 0.3 });
    const statuses: number[] = [];
    for (const body of ['a', 'b', 'c', 'd']) statuses.push((await ask(body)).status);
    expect(statuses).toEqual([400, 400, 200, 200]);
    expect(asked.map(({ body }) => body)).toEqual(['c', 'd']);
  });

  it('lose-answers: lets the call be carried out and resets the connection in place of the answer', async () => {
    const chances = [0.9, 0.1];
    const { asked, proxy, ask } = await behindProxy(() => chances.shift() ?? 1);
    proxy.set({ kind: 'lose-answers', share: 0.5 });
    expect((await ask('answered')).status).toBe(200);
    await expect(ask('lost')).rejects.toThrow('fetch failed');
    expect(asked.map(({ body }) => body)).toEqual(['answered', 'lost']);
    expect(proxy.counts).toMatchObject({ passed: 1, answersLost: 1 });
  });

  it('hold: keeps the wanted call from the endpoint until it is released, and lets every other one pass', async () => {
    const { asked, proxy, ask } = await behindProxy(undefined, (_, to) => void to.writeHead(201).end('done'));
    const { caught } = proxy.hold(({ target, body }) => target === 'DynamoDB_20120810.Test' && body === 'wanted');
    expect((await ask('other')).status).toBe(201);
    const answer = ask('wanted');
    const held = await caught;
    expect(held.call).toEqual({ target: 'DynamoDB_20120810.Test', body: 'wanted' });
    expect((await ask('wanted')).status).toBe(201);
    expect(await outcomeOf(answer, 100)).toBe('nothing');
    expect(asked.map(({ body }) => body)).toEqual(['other', 'wanted']);
    await held.release();
    expect([(await answer).status, await (await answer).text()]).toEqual([201, 'done']);
    expect(asked.map(({ body }) => body)).toEqual(['other', 'wanted', 'wanted']);
  });

  it('hold: sends a call on as often as it is told, and the client hears one answer', async () => {
    let answers = 0;
    const { asked, proxy, ask } = await behindProxy(undefined, (_, to) => {
      answers += 1;
      to.end(String(answers));
    });
    const { caught } = proxy.hold(() => true);
    const answer = ask('twice');
    await (await caught).release(2);
    expect(await (await answer).text()).toBe('1');
    expect(asked.map(({ body }) => body)).toEqual(['twice', 'twice']);
  });

  it('hold: a call that was on its way arrives though its sender is gone and the network is cut', async () => {
    const { asked, proxy, ask } = await behindProxy();
    const { caught } = proxy.hold(() => true);
    const sender = new AbortController();
    const answer = ask('last words', sender.signal);
    const held = await caught;
    sender.abort();
    proxy.set({ kind: 'cut' });
    await expect(answer).rejects.toThrow();
    await held.release();
    expect(asked.map(({ body }) => body)).toEqual(['last words']);
  });

  it('hold: lets everything pass once it is cancelled', async () => {
    const { proxy, ask } = await behindProxy();
    proxy.hold(() => true).cancel();
    expect((await ask('free')).status).toBe(200);
  });

  it('fails for a share that is none and for a negative delay, and keeps the fault that held', async () => {
    const { proxy, ask } = await behindProxy();
    expect(() => proxy.set({ kind: 'throttle', share: 0 })).toThrow('share of fault throttle must be in (0, 1], got 0');
    expect(() => proxy.set({ kind: 'lose-answers', share: 1.2 })).toThrow(
      'share of fault lose-answers must be in (0, 1], got 1.2',
    );
    expect(() => proxy.set({ kind: 'delay', ms: -1 })).toThrow('ms of fault delay must be 0 or more, got -1');
    expect((await ask('')).status).toBe(200);
  });
});
